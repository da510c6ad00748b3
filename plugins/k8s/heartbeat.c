/* SPDX-License-Identifier: ISC */
/* This node's own Lease, renewed; and a watch on those of all nodes. */

/*
 * There is one where addresses are carried at layer 2: the ConfigMap has such a
 * pool, the daemon a backend for it, and the cluster a Node object of this node,
 * with which the Lease goes. It begins behind the list of all Nodes, which others
 * wait for. It costs a write each five seconds, however many
 * Services there are, and touches none of them: what is made of it is a member's
 * `alive`, told with the other members when it has changed.
 *
 * It is given back when the plugin has stopped, so after everything was handed
 * over; not by a process that begins anew, nor where another source is read next:
 * what was told stands until then. Others hear at once that one was given back,
 * and may answer for what this node's own word of them lets it answer for: so
 * first everybody is told to be unknown.
 */

#include <stdlib.h>
#include <string.h>
#include <json-c/json.h>

#include "api/api.h"
#include "heartbeat.h"

#define PREFIX	     "fairway-node-"
#define LABEL	     "bgpd.io/lease"
#define LABEL_VALUE  "node"
#define SELECTOR     "labelSelector=bgpd.io%2Flease%3Dnode"
#define NAME_MAX_LEN 253 /* of any object */
#define RENEW_MS     5000
#define LOOK_MS	     5000
#define SOON_MS	     500 /* while the Nodes are not known */
#define TELL_MS	     200 /* what changes together is told together */

struct heartbeat {
	struct cluster *c;
	struct api *api;
	struct lease_mark mark;
	struct lease_options options;
	struct reflector_kind kind;
	char *name, *path;
	char uid[UID_LEN];
	struct lease *lease;	     /* NULL: none is wanted; so reflector */
	struct reflector *reflector; /* of all such Leases, ours too */
	struct pulses *pulses;
	struct bgpd_timer *look, *tell, *lapse;
	bool tells;    /* its timer is on */
	bool leaves;   /* somebody goes on with the Lease */
	bool too_long; /* said once */
	char *trouble; /* of the watch; NULL: none */
};

/* Telling --------------------------------------------------------------------- */

/* With the members. No Service is touched, and what is to be told anyway is not
 * told twice. */
static void
on_tell(void *arg)
{
	struct heartbeat *h = arg;

	h->tells = false;
	if (cluster_duty(h->c) != DUTY_NONE && h->c->config != NULL &&
	    !h->c->nodes_touched)
		offer_members(h->c);
}

/* Not put off by what changes meanwhile. */
static void
heartbeat_tell_in(struct heartbeat *h, int64_t ms)
{
	if (h->tells && ms > 0)
		return;
	h->tells = true;
	h->c->guest->host->timer_start(h->tell, ms);
}

/* That nobody is known to be alive or gone, which cannot wait. */
static void
heartbeat_tell_unknown(struct heartbeat *h)
{
	struct lease *lease = h->lease;

	h->lease = NULL;
	if (cluster_duty(h->c) != DUTY_NONE && h->c->config != NULL)
		offer_members(h->c);
	h->lease = lease;
}

static void
heartbeat_tell(struct heartbeat *h, bool changed)
{
	const struct bgpd_host *host = h->c->guest->host;
	int64_t next_ms = pulses_next_ms(h->pulses);

	if (next_ms != INT64_MAX)
		host->timer_start(
		    h->lapse, next_ms - guest_now_ms(h->c->guest));
	if (changed)
		heartbeat_tell_in(h, TELL_MS);
}

static void
on_lapse(void *arg)
{
	struct heartbeat *h = arg;

	heartbeat_tell(h, pulses_tick(h->pulses, guest_now_ms(h->c->guest)));
}

/* Our own Lease: believed in by us alone no longer than others do. */
static void
on_held(void *arg, bool held)
{
	struct heartbeat *h = arg;

	(void)held;
	heartbeat_tell_in(h, 0);
}

/* Hearing --------------------------------------------------------------------- */

/* "namespace/fairway-node-NAME"; NULL: another Lease with that label. */
static const char *
node_of(const char *key)
{
	const char *name = strchr(key, '/');

	name = name == NULL ? key : name + 1;
	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
		       name[strlen(PREFIX)] != '\0'
		   ? name + strlen(PREFIX)
		   : NULL;
}

static void
on_object(void *arg, const char *key, struct json_object *root)
{
	struct heartbeat *h = arg;
	struct fault ignored = { 0 };
	struct json_object *spec = tree_map(root, "spec", &ignored), *secs;
	const char *node = node_of(key), *version, *holder;
	int64_t valid_ms;

	version = tree_text(
	    tree_map(root, "metadata", &ignored), "resourceVersion", &ignored);
	if (node == NULL || version == NULL)
		return;
	holder = tree_text(spec, "holderIdentity", &ignored);
	secs =
	    tree_member(spec, "leaseDurationSeconds", json_type_int, &ignored);
	valid_ms = (int64_t)json_object_get_int(secs) * 1000;
	heartbeat_tell(h, pulses_hear(h->pulses, node, version,
			      holder == NULL || holder[0] == '\0', valid_ms,
			      guest_now_ms(h->c->guest)));
}

static void
on_gone(void *arg, const char *key)
{
	struct heartbeat *h = arg;
	const char *node = node_of(key);

	if (node == NULL)
		return;
	pulses_miss(h->pulses, node);
	if (!cluster_has_node(h->c, node))
		pulses_forget(h->pulses, node);
}

static void
on_batch(void *arg)
{
	(void)arg;
}

static void
on_trouble(void *arg, const char *why)
{
	struct heartbeat *h = arg;

	free(h->trouble);
	h->trouble = k8s_copy(why);
}

static const struct reflector_sink sink = { on_object, on_gone, on_batch,
	on_trouble };

/* Keeping one ------------------------------------------------------------------ */

/* The Node that it goes with; false: there is none, or its name is too long. */
static bool
heartbeat_has_node(struct heartbeat *h)
{
	const struct object_node *self = cluster_self(h->c);

	if (self == NULL || !cluster_has_self(h->c))
		return false;
	memcpy(h->uid, self->uid, sizeof(h->uid));
	if (strlen(h->name) <= NAME_MAX_LEN)
		return true;
	if (!h->too_long)
		say(h->c->guest, LOG_WARNING,
		    "no Lease of this node is kept: its name is too long for "
		    "one");
	h->too_long = true;
	return false;
}

static bool
heartbeat_is_wanted(struct heartbeat *h)
{
	const struct guest *guest = h->c->guest;

	return !h->c->settings->no_leases && cluster_has_layer2(h->c) &&
	       h->c->nodes_whole &&
	       BGPD_HAS(guest->host, struct bgpd_host, has_backend) &&
	       guest->host->has_backend(guest->self, "layer2") &&
	       heartbeat_has_node(h);
}

static void
heartbeat_begin(struct heartbeat *h)
{
	h->pulses = pulses_new(h->c->settings->node);
	h->lease = lease_open(h->c->guest, h->api, &h->options, on_held, h);
	h->reflector = reflector_open(h->c->guest, h->api, &h->kind, &sink, h);
}

static void
heartbeat_end(struct heartbeat *h)
{
	heartbeat_tell_unknown(h);
	if (h->leaves)
		lease_leave(h->lease);
	else
		lease_close(h->lease);
	reflector_close(h->reflector);
	pulses_free(h->pulses);
	h->lease = NULL;
	h->reflector = NULL;
	h->pulses = NULL;
	free(h->trouble);
	h->trouble = NULL;
	h->c->guest->host->timer_stop(h->lapse);
}

/* A backend that comes or goes is nobody's news: it is looked for. */
void
heartbeat_look(struct heartbeat *h)
{
	bool wanted = heartbeat_is_wanted(h);

	if (wanted && h->lease == NULL)
		heartbeat_begin(h);
	else if (!wanted && h->lease != NULL)
		heartbeat_end(h);
	if (h->lease != NULL || cluster_has_layer2(h->c))
		h->c->guest->host->timer_start(
		    h->look, h->c->nodes_whole ? LOOK_MS : SOON_MS);
}

static void
on_look(void *arg)
{
	heartbeat_look(arg);
}

void
heartbeat_leave(struct heartbeat *h)
{
	if (h != NULL)
		h->leaves = true;
}

/* Asking ------------------------------------------------------------------------ */

void
heartbeat_forget(struct heartbeat *h, const char *node)
{
	if (h != NULL && h->pulses != NULL)
		pulses_forget(h->pulses, node);
}

/* Of ourselves no more is said than that it is held. */
enum pulse
heartbeat_of(const struct heartbeat *h, const char *node)
{
	if (h == NULL || h->lease == NULL)
		return PULSE_UNKNOWN;
	if (strcmp(node, h->c->settings->node) != 0)
		return pulses_of(h->pulses, node);
	return lease_is_held(h->lease) && pulses_is_live(h->pulses)
		   ? PULSE_ALIVE
		   : PULSE_UNKNOWN;
}

static const char *
heartbeat_trouble(const struct heartbeat *h)
{
	const char *why = lease_trouble(h->lease);

	if (why == NULL)
		why = h->trouble;
	if (why == NULL && !pulses_is_live(h->pulses))
		why = "it was not seen to be renewed yet";
	return why;
}

void
heartbeat_show(const struct heartbeat *h, struct bgpd_out *out)
{
	static const char *const keys[] = { "gone", "alive", "unknown" };
	const struct bgpd_host *host;
	const struct node *node;
	size_t counts[3] = { 0 };
	const char *trouble;
	int i;

	if (h == NULL || h->lease == NULL)
		return;
	host = h->c->guest->host;
	for (node = nodes_first(h->c); node != NULL;
	     node = nodes_next((struct node *)(uintptr_t)node))
		counts[heartbeat_of(h, node->object->object.name)]++;
	trouble = heartbeat_trouble(h);
	host->out_print(out,
	    "Leases of nodes: %zu alive, %zu gone, %zu unknown%s%s\n",
	    counts[PULSE_ALIVE], counts[PULSE_GONE], counts[PULSE_UNKNOWN],
	    trouble == NULL ? "" : "; this node's: ", or_empty(trouble));
	host->out_object(out, "nodeLeases");
	host->out_string(out, "name", h->name);
	host->out_bool(out, "held", lease_is_held(h->lease));
	for (i = 0; i < 3; i++)
		host->out_int(out, keys[i], (int64_t)counts[i]);
	if (trouble != NULL)
		host->out_string(out, "trouble", trouble);
	host->out_close(out);
}

/* The whole ----------------------------------------------------------------------- */

struct heartbeat *
heartbeat_new(struct cluster *c, struct api *api, const char *identity)
{
	struct heartbeat *h = k8s_alloc(sizeof(*h));
	const struct guest *guest = c->guest;
	const struct settings *set = c->settings;

	h->c = c;
	h->api = api;
	h->name = k8s_print("%s%s", PREFIX, set->node);
	h->path = k8s_print(
	    "/apis/coordination.k8s.io/v1/namespaces/%s/leases", set->space);
	h->kind = (struct reflector_kind){ "Leases of nodes", h->path, SELECTOR,
		true };
	h->mark = (struct lease_mark){ LABEL, LABEL_VALUE, set->node, h->uid };
	h->options = (struct lease_options){
		.space = set->space,
		.name = h->name,
		.identity = identity,
		.duration_ms = PULSE_VALID_MS,
		.renew_ms = PULSE_LIVE_MS,
		.retry_ms = RENEW_MS,
		.word = "alive",
		.mark = &h->mark,
	};
	h->look = guest->host->timer_new(guest->self, on_look, h);
	h->tell = guest->host->timer_new(guest->self, on_tell, h);
	h->lapse = guest->host->timer_new(guest->self, on_lapse, h);
	return h;
}

void
heartbeat_free(struct heartbeat *h)
{
	const struct bgpd_host *host;

	if (h == NULL)
		return;
	host = h->c->guest->host;
	if (h->lease != NULL)
		heartbeat_end(h);
	host->timer_free(h->look);
	host->timer_free(h->tell);
	host->timer_free(h->lapse);
	free(h->name);
	free(h->path);
	free(h);
}
