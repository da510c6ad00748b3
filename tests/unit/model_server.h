/* SPDX-License-Identifier: ISC */
/* A model of an API server with Services, a network that fails, and watches. */
#ifndef MODEL_SERVER_H
#define MODEL_SERVER_H

/*
 * A write goes in by a call of fake_api.h, arrives later, or never, and is
 * answered later, or never. What it changes, as what the test changes, is told to
 * every watch in order, each with its own delay. What may not be written is seen
 * as it is written. user[0]: when the request is there; user[1]: when its answer
 * is; user[2]: its HTTP status; user[3]: its fate.
 */

#include <arpa/inet.h>
#include <json-c/json.h>

#include "../../plugins/k8s/cluster.h"
#include "model_world.h"

#define SLOTS	  40
#define DAEMONS	  3
#define POOL_A	  16 /* addresses of each: 10.0.0.0, fd00:: and on */
#define POOL_B	  8  /* 10.0.0.16 and on */
#define GRACE_MS  1500
#define REASON_MS 12000 /* no reason to move is older, while somebody leads */

/*
 * What a status says, and for whom: one bit for each key and port that the
 * Service had since that was written; a daemon may know any of them.
 */
struct said {
	struct bgpd_addr addresses[SERVICE_IPS];
	uint8_t count;
	uint16_t claims;
	bool foreign;
};

/* A Service of the server; its name is its number. */
struct slot {
	bool exists, dual, both; /* both: RequireDualStack */
	unsigned generation, version, port;
	int64_t created, born_ms, changed_ms; /* the last: of server_led_ms */
	const char *pool, *sharing;	      /* NULL: not said */
	char wanted[ADDR_LEN];		      /* "": not said */
	char *status;			      /* JSON; NULL: {} */
	struct said said;
	/* Bits: what a status said ever, and that of the one before it. */
	uint64_t told[2], told_before[2];
};

/* What a watch is about to tell; text NULL: it is gone. */
struct tiding {
	TAILQ_ENTRY(tiding) link;
	int64_t at_ms;
	enum object_kind kind;
	bool last; /* of what was asked for */
	char *key, *text;
};

struct watch {
	TAILQ_HEAD(tidings, tiding) news;
	bool open;
	unsigned kinds;	 /* bits: those that it tells of */
	int64_t last_ms; /* it tells in order */
	bool fresh;	 /* all is told that was there when it was asked */
};

static struct slot slots[SLOTS];
static struct watch watches[DAEMONS];
static unsigned server_version, server_patches;
static int64_t server_created, server_upset_ms;
static int64_t server_behind_ms; /* until then a watch may hang */
static int64_t server_led_ms;	 /* how long there was somebody who led */

/* Watches ------------------------------------------------------------------------ */

static void
watch_tell(
    struct watch *w, enum object_kind kind, const char *key, const char *text)
{
	int64_t at_ms = fake_ms + 1 + roll(roll(10) == 0 ? 200 : 8);
	struct tiding *t;

	if (!w->open || ((w->kinds >> kind) & 1) == 0)
		return;
	t = calloc(1, sizeof(*t));
	w->last_ms = t->at_ms = at_ms < w->last_ms ? w->last_ms : at_ms;
	t->kind = kind;
	t->key = strdup(key);
	t->text = text == NULL ? NULL : strdup(text);
	TAILQ_INSERT_TAIL(&w->news, t, link);
}

static void
tiding_free(struct watch *w, struct tiding *t)
{
	TAILQ_REMOVE(&w->news, t, link);
	free(t->key);
	free(t->text);
	free(t);
}

static void
watch_close(struct watch *w)
{
	struct tiding *t;

	while ((t = TAILQ_FIRST(&w->news)) != NULL)
		tiding_free(w, t);
	w->open = false;
	w->kinds = 0;
}

static void
watches_tell(enum object_kind kind, const char *key, const char *text)
{
	unsigned i;

	for (i = 0; i < DAEMONS; i++)
		watch_tell(&watches[i], kind, key, text);
}

/* Services ----------------------------------------------------------------------- */

static int
slot_number(const struct slot *s)
{
	return (int)(s - slots);
}

/* By a name or a path: "d/s7", "/api/v1/namespaces/d/services/s7/status?...". */
static struct slot *
slot_find(const char *name)
{
	const char *at = strstr(name, "/s");

	if (strncmp(name, "/api/", 5) == 0)
		at = strstr(name, "/services/s") + 9;
	return &slots[strtoul(at + 2, NULL, 10) % SLOTS];
}

static void
slot_print(const struct slot *s, struct text *out)
{
	char uid[32], name[16], version[16], stamp[STAMP_LEN];

	snprintf(uid, sizeof(uid), "u%d-%u", slot_number(s), s->generation);
	snprintf(name, sizeof(name), "s%d", slot_number(s));
	snprintf(version, sizeof(version), "%u", s->version);
	stamp_print(stamp, s->created);
	text_open(out, NULL, '{');
	text_open(out, "metadata", '{');
	text_string(out, "namespace", "d");
	text_string(out, "name", name);
	text_string(out, "uid", uid);
	text_string(out, "resourceVersion", version);
	text_string(out, "creationTimestamp", stamp);
	text_open(out, "annotations", '{');
	if (s->pool != NULL)
		text_string(out, "metallb.io/address-pool", s->pool);
	if (s->sharing != NULL)
		text_string(out, "metallb.io/allow-shared-ip", s->sharing);
	if (s->wanted[0] != '\0')
		text_string(out, "metallb.io/loadBalancerIPs", s->wanted);
	text_close(out, '}');
	text_close(out, '}');
}

static void
slot_print_spec(const struct slot *s, struct text *out)
{
	char ports[32];

	snprintf(ports, sizeof(ports), "[{\"port\":%u}]", s->port);
	text_open(out, "spec", '{');
	text_string(out, "type", "LoadBalancer");
	text_raw(out, "ports", ports);
	if (s->both)
		text_string(out, "ipFamilyPolicy", "RequireDualStack");
	text_raw(
	    out, "ipFamilies", s->dual ? "[\"IPv4\",\"IPv6\"]" : "[\"IPv4\"]");
	text_close(out, '}');
	text_raw(out, "status", s->status == NULL ? "{}" : s->status);
	text_close(out, '}');
}

/* To be freed. */
static char *
slot_text(const struct slot *s)
{
	struct text out = { 0 };

	slot_print(s, &out);
	slot_print_spec(s, &out);
	return out.s;
}

static void
slot_tell(const struct slot *s)
{
	char key[16], *text = s->exists ? slot_text(s) : NULL;

	snprintf(key, sizeof(key), "d/s%d", slot_number(s));
	watches_tell(OBJECT_SERVICE, key, text);
	free(text);
}

static void
slot_tell_slice(const struct slot *s)
{
	char key[16], text[256];

	snprintf(key, sizeof(key), "d/s%d-x", slot_number(s));
	snprintf(text, sizeof(text),
	    "{\"metadata\":{\"namespace\":\"d\",\"name\":\"%s\",\"labels\":{"
	    "\"kubernetes.io/service-name\":\"s%d\"}},\"endpoints\":[{"
	    "\"nodeName\":\"n%u\"}]}",
	    key + 2, slot_number(s), roll(3));
	watches_tell(OBJECT_SLICE, key, s->exists ? text : NULL);
}

/* It is another version from now on. */
static void
slot_touch(struct slot *s)
{
	s->version = ++server_version;
	s->changed_ms = server_led_ms;
	slot_tell(s);
}

static void
services_tell(struct watch *w)
{
	char key[16], *text;
	unsigned i;

	for (i = 0; i < SLOTS; i++) {
		if (!slots[i].exists)
			continue;
		snprintf(key, sizeof(key), "d/s%u", i);
		text = slot_text(&slots[i]);
		watch_tell(w, OBJECT_SERVICE, key, text);
		free(text);
	}
}

static void
node_tell(struct watch *w, unsigned number)
{
	char key[16], text[256];

	snprintf(key, sizeof(key), "n%u", number);
	snprintf(text, sizeof(text),
	    "{\"metadata\":{\"name\":\"n%u\",\"labels\":{\"x\":\"%u\"}},"
	    "\"status\":{\"addresses\":[{\"type\":\"InternalIP\","
	    "\"address\":\"10.1.0.%u\"}]}}",
	    number, roll(3), number + 1);
	watch_tell(w, OBJECT_NODE, key, text);
}

/* Statuses ----------------------------------------------------------------------- */

static unsigned
addr_place(const struct bgpd_addr *addr)
{
	return addr->bytes[addr->family == 4 ? 3 : 15] % 64;
}

/* Is it so new that a daemon may not know of it? */
static bool
slot_is_recent(const struct slot *s)
{
	return fake_ms - s->born_ms < GRACE_MS ||
	       fake_ms - server_behind_ms < GRACE_MS;
}

static bool
slot_was_told(const struct slot *s, const struct bgpd_addr *addr)
{
	bool recent = slot_is_recent(s);
	int k = addr->family == 6;

	return ((s->told[k] | (recent ? s->told_before[k] : 0)) >>
		   addr_place(addr)) &
	       1;
}

static bool
said_has(const struct said *said, const struct bgpd_addr *addr)
{
	uint8_t i;

	for (i = 0; i < said->count; i++) {
		if (addr_same(&said->addresses[i], addr))
			return true;
	}
	return false;
}

/* Keys are NULL, "k" and "l", ports 80 to 83. */
static uint16_t
slot_claim(const struct slot *s)
{
	unsigned key = s->sharing == NULL ? 0 : s->sharing[0] == 'k' ? 1 : 2;

	return (uint16_t)(1u << (key * 4 + s->port - 80));
}

/* One key, and two ports. */
static bool
slot_may_share(const struct slot *a, const struct slot *b)
{
	unsigned key, x, y;

	for (key = 1; key < 3; key++) {
		x = (a->said.claims >> (key * 4)) & 15;
		y = (b->said.claims >> (key * 4)) & 15;
		if (x != 0 && y != 0 && (x != y || (x & (x - 1)) != 0))
			return true;
	}
	return false;
}

/* Has another one what is said of it, and could not share it? */
static void
slot_check_one(const struct slot *s, const struct bgpd_addr *addr)
{
	const struct slot *other;
	char text[ADDR_LEN];

	for (other = slots; other < slots + SLOTS; other++) {
		if (other != s && other->exists && !other->said.foreign &&
		    !slot_may_share(s, other) && said_has(&other->said, addr))
			model_fault("s%d and s%d both have %s\n",
			    slot_number(s), slot_number(other),
			    addr_text(addr, text));
	}
}

/*
 * The daemons' own words never give to two what only one may have. What the
 * status said before, whoever wrote that, is not given: of two that may not share
 * it, or no more, each may be written first, the one that stays too.
 */
static void
slot_check_given(const struct slot *s, const struct said *was)
{
	uint8_t i;

	for (i = 0; i < s->said.count; i++) {
		if (!said_has(was, &s->said.addresses[i]))
			slot_check_one(s, &s->said.addresses[i]);
	}
}

static void
said_read(struct said *said, struct json_object *status)
{
	struct json_object *lb, *list, *ip;
	size_t i;

	if (!json_object_object_get_ex(status, "loadBalancer", &lb) ||
	    !json_object_object_get_ex(lb, "ingress", &list) || list == NULL)
		return;
	for (i = 0; i < json_object_array_length(list); i++) {
		if (said->count < SERVICE_IPS &&
		    json_object_object_get_ex(
			json_object_array_get_idx(list, i), "ip", &ip) &&
		    tree_addr(json_object_get_string(ip),
			&said->addresses[said->count]))
			said->count++;
	}
}

/* The status is this from now on. */
static void
slot_write(struct slot *s, struct json_object *status, bool foreign)
{
	uint8_t i;

	free(s->status);
	s->status = strdup(json_object_to_json_string(status));
	memset(&s->said, 0, sizeof(s->said));
	s->said.claims = slot_claim(s);
	s->said.foreign = foreign;
	said_read(&s->said, status);
	for (i = 0; i < s->said.count; i++)
		s->told[s->said.addresses[i].family == 6] |=
		    UINT64_C(1) << addr_place(&s->said.addresses[i]);
	slot_touch(s);
}

/* Patches ------------------------------------------------------------------------ */

static const char *
member_text(struct json_object *map, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(map, key, &value)
		   ? json_object_get_string(value)
		   : NULL;
}

/* 0; or why the server does not take it. */
static int
patch_refuse(const struct slot *s, struct json_object *meta)
{
	const char *version = member_text(meta, "resourceVersion");
	const char *uid = member_text(meta, "uid");
	char own[32];

	if (version == NULL && uid == NULL)
		model_fault("a patch of whatever s%d is\n", slot_number(s));
	if (!s->exists)
		return 404;
	snprintf(own, sizeof(own), "u%d-%u", slot_number(s), s->generation);
	if (uid != NULL && strcmp(uid, own) != 0)
		return 409;
	return version != NULL && strtoul(version, NULL, 10) != s->version ? 409
									   : 0;
}

/* It has an address and says so, or has none and says why. */
static void
patch_check_word(const struct slot *s, struct json_object *status)
{
	struct json_object *list, *entry;
	struct said said = { 0 };
	const char *word = NULL, *why = NULL;
	size_t i;

	said_read(&said, status);
	assert_true(json_object_object_get_ex(status, "conditions", &list));
	for (i = 0; i < json_object_array_length(list); i++) {
		entry = json_object_array_get_idx(list, i);
		if (strcmp(member_text(entry, "type"), CONDITION_ALLOCATED))
			continue;
		word = member_text(entry, "status");
		why = member_text(entry, "message");
	}
	if (word == NULL || (strcmp(word, "True") == 0) != (said.count > 0) ||
	    (said.count == 0 && why[0] == '\0'))
		model_fault("neither an address nor a reason for s%d: %s\n",
		    slot_number(s), json_object_to_json_string(status));
}

static void
patch_land(struct slot *s, struct json_object *status)
{
	struct json_object *lb, *list;
	struct said was = s->said;

	patch_check_word(s, status);
	if (json_object_object_get_ex(status, "loadBalancer", &lb) &&
	    json_object_object_get_ex(lb, "ingress", &list) && list == NULL)
		json_object_object_del(status, "loadBalancer");
	server_patches++;
	model_say(
	    "s%d: %s\n", slot_number(s), json_object_to_json_string(status));
	if (s->status != NULL &&
	    strcmp(s->status, json_object_to_json_string(status)) == 0)
		return;
	slot_write(s, status, false);
	slot_check_given(s, &was);
}

static int
patch_serve(const struct api_call *call)
{
	struct slot *s = slot_find(call->request.path);
	struct json_object *root, *meta, *status;
	int refused;

	root = json_tokener_parse(call->request.body);
	assert_true(json_object_object_get_ex(root, "metadata", &meta));
	assert_true(json_object_object_get_ex(root, "status", &status));
	refused = patch_refuse(s, meta);
	if (refused == 0)
		patch_land(s, status);
	json_object_put(root);
	return refused == 0 ? 200 : refused;
}

static int
event_serve(const struct api_call *call)
{
	if (strstr(call->request.body, "Assigned IP \\\"\\\"") != NULL ||
	    strstr(call->request.body, "\"Assigned IP \"") != NULL)
		model_fault("an event of nothing: %s\n", call->request.body);
	return 201;
}

/* The network -------------------------------------------------------------------- */

enum fate { FATE_GOOD = 1, FATE_LOST, FATE_MUTE, FATE_BUSY, FATE_DOWN };

static bool
network_keep(struct api_call *call)
{
	call->cancelled = true;
	return true;
}

/* Called for each call that the model has not seen yet. */
static void
network_route(struct api_call *call)
{
	bool slow = weather.faults > 0 && roll(30) == 0;

	call->user[3] = FATE_GOOD;
	if (roll(100) < weather.faults)
		call->user[3] = FATE_LOST + roll(4);
	call->user[0] = fake_ms + 1 + roll(slow ? 3000 : 10);
	call->user[1] = call->user[0] + 1 + roll(slow ? 3000 : 10);
	if (call->user[3] == FATE_LOST || call->user[3] == FATE_MUTE)
		call->user[1] = fake_ms + call->request.timeout_ms;
}

static int
network_serve(const struct api_call *call)
{
	switch (call->user[3]) {
	case FATE_LOST:
		return 0;
	case FATE_BUSY:
		return 429;
	case FATE_DOWN:
		return 503;
	}
	return strstr(call->request.path, "/events") != NULL
		   ? event_serve(call)
		   : patch_serve(call);
}

/* True: the call is gone. */
static bool
network_answer(struct api_call *call)
{
	struct api_reply reply = { .reason = "", .retry_after_ms = -1 };

	if (call->user[2] == -1 ||
	    (!call->cancelled && fake_ms < call->user[1]))
		return false;
	if (call->cancelled) {
		TAILQ_REMOVE(&fake_calls, call, link);
		fake_call_free(call);
		return true;
	}
	reply.status = call->user[3] == FATE_MUTE ? 0 : (int)call->user[2];
	if (reply.status == 429 && roll(2))
		reply.retry_after_ms = 1000;
	fake_answer_with(call, reply);
	return true;
}

static void
network_turn(void)
{
	struct api_call *call, *next;
	bool again;

	TAILQ_FOREACH (call, &fake_calls, link) {
		if (call->user[3] == 0) {
			network_route(call);
			call->user[2] = -1;
		}
		if (call->user[2] == -1 && fake_ms >= call->user[0])
			call->user[2] = network_serve(call);
	}
	do {
		again = false;
		TAILQ_FOREACH_SAFE (call, &fake_calls, link, next) {
			if (call->user[3] != 0 && network_answer(call)) {
				again = true; /* the list may be another */
				break;
			}
		}
	} while (again);
}

#endif
