/* SPDX-License-Identifier: ISC */
/* The source "api": objects from the API server, one watch per kind. */

/*
 * What is asked for is narrowed at the server: Services of type LoadBalancer,
 * slices of those that are not headless, this Node, one ConfigMap, one Secret.
 * An object that cannot be read is a fault of that object alone: its last good
 * version stays.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "k8s.h"

struct feed {
	struct apisource *source;
	enum object_kind kind;
	struct reflector_kind what;
	struct reflector *reflector;
	char *path, *selector, *trouble; /* NULL: none */
	bool was_synced;
};

/*
 * What was said of objects that cannot be read: of each version once, though
 * lists show it again and again, and not too much in a minute.
 */
#define SAID_ROOM 256
#define SAID_MAX  10 /* lines in a minute */
#define SAID_MS	  60000
struct complaints {
	uint64_t said[SAID_ROOM]; /* hashes; the oldest is written over */
	size_t at, lines, unsaid;
	int64_t since_ms;
};

struct apisource {
	struct source source;
	struct guest *guest;
	const struct settings *set;
	const struct source_sink *sink;
	void *arg;
	struct api *api;
	struct feed feeds[OBJECT_KINDS];
	bool all_nodes;
	size_t faults; /* objects that could not be read */
	struct complaints complaints;
};

/* What is asked for. A %s of the path is the namespace. */
static const struct {
	const char *name, *path, *selector; /* a name is put behind a '=' */
	bool optional;
} kinds[OBJECT_KINDS] = {
	[OBJECT_CONFIG_MAP] = { "ConfigMaps",
	    "/api/v1/namespaces/%s/configmaps",
	    "fieldSelector=metadata.name%3D", false },
	[OBJECT_NODE] = { "Nodes", "/api/v1/nodes",
	    "fieldSelector=metadata.name%3D", false },
	[OBJECT_SECRET] = { "Secrets", "/api/v1/namespaces/%s/secrets",
	    "fieldSelector=metadata.name%3D", true },
	[OBJECT_SERVICE] = { "Services", "/api/v1/services",
	    "fieldSelector=spec.type%3DLoadBalancer", false },
	[OBJECT_SLICE] = { "EndpointSlices",
	    "/apis/discovery.k8s.io/v1/endpointslices",
	    "labelSelector=%21service.kubernetes.io%2Fheadless", false },
};

static bool
is_synced(const struct apisource *a)
{
	int i;

	for (i = 0; i < OBJECT_KINDS; i++) {
		if (!a->feeds[i].was_synced)
			return false;
	}
	return true;
}

/* Objects that cannot be read ------------------------------------------------------ */

/* FNV-1a, 64 bits. */
static uint64_t
hash_add(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	} while (*text++ != '\0');
	return hash;
}

/* Is that version of it known to be bad? It is from here on. */
static bool
was_said(struct complaints *said, const char *kind, const char *key,
    struct json_object *root)
{
	struct fault ignored = { 0 };
	struct json_object *meta = tree_map(root, "metadata", &ignored);
	const char *version = tree_text(meta, "resourceVersion", &ignored);
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	hash = hash_add(hash_add(hash, kind), key);
	hash = hash_add(hash, version == NULL ? "" : version);
	for (i = 0; i < SAID_ROOM; i++) {
		if (said->said[i] == hash)
			return true;
	}
	said->said[said->at++ % SAID_ROOM] = hash;
	return false;
}

static void
object_complain(struct feed *feed, const char *key, struct json_object *root,
    const char *why)
{
	struct apisource *a = feed->source;
	struct complaints *said = &a->complaints;
	const char *kind = object_kind_name(feed->kind);
	int64_t now_ms = guest_now_ms(a->guest);

	if (was_said(said, kind, key, root))
		return;
	if (said->lines == 0 || now_ms - said->since_ms >= SAID_MS) {
		if (said->unsaid > 0)
			say(a->guest, LOG_WARNING,
			    "%zu more objects could not be read", said->unsaid);
		said->since_ms = now_ms;
		said->lines = said->unsaid = 0;
	}
	if (said->lines++ < SAID_MAX)
		say(a->guest, LOG_WARNING, "%s %s: %s; %s", kind, key, why,
		    "its last good version stays, if there was one");
	else
		said->unsaid++;
}

/* From the reflectors -------------------------------------------------------------- */

static void
on_object(void *arg, const char *key, struct json_object *root)
{
	struct feed *feed = arg;
	struct apisource *a = feed->source;
	struct object *object;
	struct fault fault;
	char *name;

	object = object_read(feed->kind, root, &name, &fault);
	if (object == NULL) {
		a->faults++;
		object_complain(feed, key, root, fault.text);
		free(name);
		return;
	}
	a->sink->on_object(a->arg, object);
}

static void
on_gone(void *arg, const char *key)
{
	struct feed *feed = arg;

	feed->source->sink->on_gone(feed->source->arg, feed->kind, key);
}

static void
on_batch(void *arg)
{
	struct feed *feed = arg;
	struct apisource *a = feed->source;

	feed->was_synced |= reflector_is_synced(feed->reflector);
	a->sink->on_batch(a->arg, is_synced(a));
}

static void
on_trouble(void *arg, const char *why)
{
	struct feed *feed = arg;

	free(feed->trouble);
	feed->trouble = k8s_copy(why);
}

static const struct reflector_sink reflector_sink = { on_object, on_gone,
	on_batch, on_trouble };

/* Opening ---------------------------------------------------------------------------- */

/* The name that is asked for of a kind; "": all of them. */
static const char *
wanted_name(const struct apisource *a, enum object_kind kind)
{
	switch (kind) {
	case OBJECT_CONFIG_MAP:
		return a->set->config_map;
	case OBJECT_NODE:
		return a->set->node;
	case OBJECT_SECRET:
		return SECRET_NAME;
	default:
		return "";
	}
}

static void
feed_open(struct apisource *a, enum object_kind kind)
{
	struct feed *feed = &a->feeds[kind];
	const char *name = wanted_name(a, kind);

	feed->source = a;
	feed->kind = kind;
	feed->path = k8s_print(kinds[kind].path, a->set->space);
	feed->selector = k8s_print("%s%s", kinds[kind].selector, name);
	feed->what.name = kinds[kind].name;
	feed->what.path = feed->path;
	feed->what.selector =
	    kind == OBJECT_NODE && a->all_nodes ? NULL : feed->selector;
	feed->what.optional = kinds[kind].optional;
	feed->reflector = reflector_open(
	    a->guest, a->api, &feed->what, &reflector_sink, feed);
}

static void
feed_close(struct feed *feed)
{
	if (feed->reflector == NULL)
		return; /* it was not opened yet */
	reflector_close(feed->reflector);
	free(feed->path);
	free(feed->selector);
	free(feed->trouble);
	feed->trouble = NULL;
}

static struct source *
apisource_open(struct guest *guest, const struct settings *set,
    const struct source_sink *sink, void *arg)
{
	struct apisource *a = k8s_alloc(sizeof(*a));

	a->source.kind = &source_api;
	a->guest = guest;
	a->set = set;
	a->sink = sink;
	a->arg = arg;
	a->api = api_open(guest, set->where);
	return &a->source;
}

static void
apisource_watch(struct source *source, enum object_kind kind)
{
	feed_open((struct apisource *)(void *)source, kind);
}

static void
apisource_close(struct source *source)
{
	struct apisource *a = (struct apisource *)(void *)source;
	int i;

	for (i = 0; i < OBJECT_KINDS; i++)
		feed_close(&a->feeds[i]);
	api_close(a->api);
	free(a);
}

static struct api *
apisource_api(struct source *source)
{
	return ((struct apisource *)(void *)source)->api;
}

static void
apisource_know(struct source *source, enum object_kind kind, const char *name)
{
	struct apisource *a = (struct apisource *)(void *)source;

	reflector_know(a->feeds[kind].reflector, name);
}

/* The watch begins anew, without the field selector. */
static void
apisource_want_nodes(struct source *source)
{
	struct apisource *a = (struct apisource *)(void *)source;
	struct feed *feed = &a->feeds[OBJECT_NODE];

	if (a->all_nodes)
		return;
	a->all_nodes = true;
	if (feed->reflector == NULL)
		return;
	feed_close(feed);
	feed_open(a, OBJECT_NODE);
	reflector_know(feed->reflector, a->set->node);
}

static bool
apisource_has_nodes(const struct source *source)
{
	const struct apisource *a =
	    (const struct apisource *)(const void *)source;
	const struct reflector *nodes = a->feeds[OBJECT_NODE].reflector;

	return a->all_nodes && nodes != NULL && reflector_is_synced(nodes);
}

static void
apisource_refresh(struct source *source)
{
	struct apisource *a = (struct apisource *)(void *)source;

	reflector_refresh(a->feeds[OBJECT_SERVICE].reflector);
}

static bool
apisource_is_fresh(const struct source *source)
{
	const struct apisource *a =
	    (const struct apisource *)(const void *)source;

	return reflector_is_fresh(a->feeds[OBJECT_SERVICE].reflector);
}

/* Showing ------------------------------------------------------------------------------ */

static const char *
apisource_state(const struct source *source)
{
	const struct apisource *a =
	    (const struct apisource *)(const void *)source;

	if (api_trouble(a->api) != NULL)
		return is_synced(a) ? "away" : "not reached yet";
	return is_synced(a) ? "synced" : "reading";
}

static void
feed_show(const struct feed *feed, struct bgpd_out *out)
{
	const struct bgpd_host *host = feed->source->guest->host;
	const char *state = reflector_state(feed->reflector);

	host->out_print(out, "  %s: %s, %zu%s%s\n", feed->what.name, state,
	    reflector_count(feed->reflector), feed->trouble == NULL ? "" : "; ",
	    feed->trouble == NULL ? "" : feed->trouble);
	host->out_object(out, NULL);
	host->out_string(out, "kind", feed->what.name);
	host->out_string(out, "state", state);
	host->out_int(out, "count", (int64_t)reflector_count(feed->reflector));
	if (feed->trouble != NULL)
		host->out_string(out, "trouble", feed->trouble);
	host->out_close(out);
}

static void
apisource_show(const struct source *source, struct bgpd_out *out)
{
	const struct apisource *a =
	    (const struct apisource *)(const void *)source;
	const struct bgpd_host *host = a->guest->host;
	const char *trouble = api_trouble(a->api);
	int i;

	host->out_print(out, "API server: %s%s%s\n", api_server(a->api),
	    trouble == NULL ? "" : "; ", trouble == NULL ? "" : trouble);
	host->out_string(out, "apiServer", api_server(a->api));
	if (trouble != NULL)
		host->out_string(out, "apiTrouble", trouble);
	host->out_int(out, "objectFaults", (int64_t)a->faults);
	host->out_array(out, "watches");
	for (i = 0; i < OBJECT_KINDS; i++) {
		if (a->feeds[i].reflector != NULL)
			feed_show(&a->feeds[i], out);
	}
	host->out_close(out);
}

const struct source_kind source_api = {
	.word = "api",
	.open = apisource_open,
	.close = apisource_close,
	.state = apisource_state,
	.api = apisource_api,
	.watch = apisource_watch,
	.know = apisource_know,
	.want_nodes = apisource_want_nodes,
	.has_nodes = apisource_has_nodes,
	.refresh = apisource_refresh,
	.is_fresh = apisource_is_fresh,
	.show = apisource_show,
};
