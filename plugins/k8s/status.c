/* SPDX-License-Identifier: ISC */
/* What the status of a Service shall say, and the patch that says it. */

/* Pure, but for the time of day when a condition changes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign.h"
#include "publish.h"
#include "text.h"

#define WHY_MAX 900

/* Bodies ------------------------------------------------------------------------ */

/* metav1.Condition */
static void
condition_print(struct text *out, const char *type, bool status,
    const char *reason, const char *message, int64_t since)
{
	char stamp[STAMP_LEN];

	stamp_print(stamp, since);
	text_open(out, NULL, '{');
	text_string(out, "type", type);
	text_string(out, "status", status ? "True" : "False");
	text_string(out, "reason", reason);
	text_string(out, "message", message);
	text_string(out, "lastTransitionTime", stamp);
	text_close(out, '}');
}

/* A merge patch replaces the list: what others said is said again. */
static void
conditions_open(struct text *out, const char *others)
{
	text_open(out, "conditions", '[');
	if (others != NULL)
		text_raw(out, NULL, others);
}

static void
ingress_print(struct text *out, const struct wish *wish)
{
	char text[ADDR_LEN];
	uint8_t i;

	text_open(out, "ingress", '[');
	for (i = 0; i < wish->count; i++) {
		text_open(out, NULL, '{');
		text_string(out, "ip", addr_text(&wish->addresses[i], text));
		text_close(out, '}');
	}
	text_close(out, ']');
}

/* The member of the metadata makes it a patch of that very object. */
static void
body_open(struct text *out, const char *key, const char *value)
{
	text_open(out, NULL, '{');
	text_open(out, "metadata", '{');
	text_string(out, key, value);
	text_close(out, '}');
	text_open(out, "status", '{');
}

static char *
body_close(struct text *out)
{
	text_close(out, ']');
	text_close(out, '}');
	text_close(out, '}');
	return out->s;
}

static void
conflict_print(struct text *out, const struct wish *wish)
{
	const char *why = wish->why != NULL ? wish->why : wish->conflict_why;

	condition_print(out, CONDITION_CONFLICT, wish->conflict,
	    wish->conflict ? "AddressInUse" : "NoConflict",
	    wish->conflict ? why : "", wish->conflict_since);
}

char *
status_body(const struct object_service *o, const struct wish *wish)
{
	bool allocated = wish->why == NULL;
	struct text out = { 0 };

	body_open(&out, "resourceVersion", o->version);
	text_open(&out, "loadBalancer", '{');
	if (wish->count > 0)
		ingress_print(&out, wish);
	else
		text_raw(&out, "ingress", "null");
	text_close(&out, '}');
	conditions_open(&out, o->conditions);
	condition_print(&out, CONDITION_ALLOCATED, allocated,
	    allocated ? "IPAllocated" : "AllocationFailed",
	    allocated ? "" : wish->why, wish->allocated_since);
	conflict_print(&out, wish);
	return body_close(&out);
}

/* By a patch that merges conditions by their type. */
char *
status_body_of_conflict(const struct object_service *o, const struct wish *wish)
{
	struct text out = { 0 };

	body_open(&out, "resourceVersion", o->version);
	text_open(&out, "conditions", '[');
	conflict_print(&out, wish);
	return body_close(&out);
}

/* Nothing of ours, if it is still that object. */
char *
status_body_of_none(const char *uid, const char *others)
{
	struct text out = { 0 };

	body_open(&out, "uid", uid);
	text_raw(&out, "loadBalancer", "null");
	conditions_open(&out, others);
	return body_close(&out);
}

/* To be freed; name is "namespace/name". */
char *
status_path(const char *name)
{
	const char *slash = strchr(name, '/');

	return k8s_print(
	    "/api/v1/namespaces/%.*s/services/%s/status?fieldManager=fairway",
	    (int)(slash - name), name, slash + 1);
}

/* Strangers ---------------------------------------------------------------------------- */

const char *
mac_text(const uint8_t mac[6], char out[MAC_LEN])
{
	snprintf(out, MAC_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
	    mac[2], mac[3], mac[4], mac[5]);
	return out;
}

/* The message begins with the address. */
bool
wish_is_in_conflict(
    const struct object_service *o, const struct bgpd_addr *addr)
{
	char text[ADDR_LEN];
	size_t len = strlen(addr_text(addr, text));

	return o->conflict == CONDITION_TRUE && o->conflict_why != NULL &&
	       strncmp(o->conflict_why, text, len) == 0 &&
	       strncmp(o->conflict_why + len, " is in use by ", 14) == 0;
}

/* Its other host is in the status, by whoever saw it. */
static bool
stranger_is_told(const struct object_service *o, const struct sight *sight)
{
	char mac[MAC_LEN];

	return wish_is_in_conflict(o, &sight->address) &&
	       strstr(o->conflict_why, mac_text(sight->mac, mac)) != NULL;
}

static const struct sight *
stranger_find(const struct service *s)
{
	const struct sight *sight;
	uint8_t i;

	for (i = 0; i < s->address_count; i++) {
		sight = sight_find(s, &s->addresses[i]);
		if (sight != NULL && sight->conflict)
			return sight;
	}
	return NULL;
}

/* What the status says is over: by the node that carries that address. */
static bool
stranger_is_gone(const struct service *s)
{
	const struct sight *sight;
	uint8_t i;

	for (i = 0; i < s->address_count; i++) {
		sight = sight_find(s, &s->addresses[i]);
		if (sight != NULL && sight->mine && !sight->conflict &&
		    wish_is_in_conflict(s->object, &s->addresses[i]))
			return true;
	}
	return false;
}

const struct sight *
wish_news(const struct service *s)
{
	const struct sight *sight = stranger_find(s);

	return sight == NULL || s->why != NULL ||
		       stranger_is_told(s->object, sight)
		   ? NULL
		   : sight;
}

bool
wish_differs_in_conflict(const struct service *s)
{
	if (s->object->status_count == 0 || !assign_is_told(s))
		return wish_news(s) != NULL;
	return s->why == NULL &&
	       (wish_news(s) != NULL ||
		   (stranger_find(s) == NULL && stranger_is_gone(s)));
}

/* Does it say so of an address that the Service has? */
static bool
is_in_conflict(const struct service *s)
{
	uint8_t i;

	for (i = 0; i < s->address_count; i++) {
		if (wish_is_in_conflict(s->object, &s->addresses[i]))
			return true;
	}
	return false;
}

/* What the status says of one stays, until who carries the address knows better. */
static void
wish_make_conflict(const struct service *s, struct wish *wish)
{
	const struct sight *news = wish_news(s);
	char text[ADDR_LEN], mac[MAC_LEN];

	wish->conflict = true;
	if (news != NULL)
		snprintf(wish->conflict_why, sizeof(wish->conflict_why),
		    "%s is in use by %s, which is none of our nodes",
		    addr_text(&news->address, text), mac_text(news->mac, mac));
	else if (is_in_conflict(s) &&
		 (stranger_find(s) != NULL || !stranger_is_gone(s)))
		snprintf(wish->conflict_why, sizeof(wish->conflict_why), "%s",
		    s->object->conflict_why);
	else
		wish->conflict = false;
}

/* Wishes ------------------------------------------------------------------------------- */

/* A transition is of the status: another reason is none. */
static int64_t
wish_since(uint8_t said, int64_t since, bool status, int64_t now)
{
	uint8_t wanted = status ? CONDITION_TRUE : CONDITION_FALSE;

	return said == wanted && since != 0 ? since : now;
}

void
wish_make(const struct service *s, struct wish *wish)
{
	int64_t now = stamp_now_ns() / 1000000000;
	const struct object_service *o = s->object;

	memset(wish, 0, sizeof(*wish));
	wish->count = s->address_count;
	memcpy(wish->addresses, s->addresses, sizeof(wish->addresses));
	if (s->why != NULL) {
		wish->why = k8s_copy(s->why);
		wish->why[text_fit(s->why, WHY_MAX)] = '\0';
		wish->conflict = s->conflict;
	} else
		wish_make_conflict(s, wish);
	wish->allocated_since =
	    wish_since(o->allocated, o->allocated_since, s->why == NULL, now);
	wish->conflict_since =
	    wish_since(o->conflict, o->conflict_since, wish->conflict, now);
}

/* The message says it, as far as there is room. */
static bool
why_is_told(const struct object_service *o, const char *why)
{
	size_t len = text_fit(why, WHY_MAX);

	return o->allocated_why != NULL &&
	       strncmp(o->allocated_why, why, len) == 0 &&
	       o->allocated_why[len] == '\0';
}

/* Conditions ride with addresses; alone they are written only to tell why not. */
bool
wish_differs(const struct service *s)
{
	const struct object_service *o = s->object;

	if (!assign_is_told(s) || (s->address_count == 0 && o->status_seen) ||
	    wish_differs_in_conflict(s))
		return true;
	if (s->why == NULL)
		return o->allocated == CONDITION_FALSE;
	return o->allocated != CONDITION_FALSE || !why_is_told(o, s->why);
}

bool
wish_differs_in_words(const struct service *s)
{
	const struct object_service *o = s->object;

	return s->why != NULL && s->address_count == 0 && !o->status_seen &&
	       o->allocated == CONDITION_FALSE;
}

/* The status says it now: as if the watch had told it already. */
void
wish_settle(struct object_service *o, const struct wish *wish)
{
	memset(o->status, 0, sizeof(o->status));
	memcpy(o->status, wish->addresses,
	    wish->count * sizeof(wish->addresses[0]));
	o->status_count = wish->count;
	o->status_seen = wish->count > 0;
	o->allocated = wish->why == NULL ? CONDITION_TRUE : CONDITION_FALSE;
	o->allocated_since = wish->allocated_since;
	free(o->allocated_why);
	o->allocated_why = k8s_copy(wish->why);
	wish_settle_conflict(o, wish);
}

void
wish_settle_conflict(struct object_service *o, const struct wish *wish)
{
	const char *why = wish->why != NULL ? wish->why : wish->conflict_why;

	o->conflict = wish->conflict ? CONDITION_TRUE : CONDITION_FALSE;
	o->conflict_since = wish->conflict_since;
	free(o->conflict_why);
	o->conflict_why = wish->conflict ? k8s_copy(why) : NULL;
}
