/* SPDX-License-Identifier: ISC */
/* An event as it is kept and as it is sent: one block, its name, its JSON (pure). */

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "event.h"

#define NOTE_LEN 1024 /* the server takes no more */
#define WORD_LEN 128  /* of action, reason, reportingInstance */
#define NAME_LEN 253
#define TIME_LEN 17 /* ".", 16 digits */

/* Its texts, in the order of the block. */
static const struct member {
	size_t at, max;
	const char *key;    /* in `regarding`; NULL: it is not of the object */
	bool tells_objects; /* ... apart */
	bool tells_events;
} texts[] = {
#define TEXT(member) offsetof(struct event, member)
	{ TEXT(api_version), NAME_LEN, "apiVersion", true, true },
	{ TEXT(kind), NAME_LEN, "kind", true, true },
	{ TEXT(space), NAME_LEN, "namespace", true, true },
	{ TEXT(name), NAME_LEN, "name", true, true },
	{ TEXT(uid), NAME_LEN, "uid", true, true },
	/* Our own writes change it. */
	{ TEXT(version), NAME_LEN, "resourceVersion", false, false },
	{ TEXT(type), WORD_LEN, NULL, false, true },
	{ TEXT(reason), WORD_LEN, NULL, false, true },
	{ TEXT(action), WORD_LEN, NULL, false, true },
	{ TEXT(controller), NAME_LEN, NULL, false, true },
	{ TEXT(note), NOTE_LEN, NULL, false, true },
#undef TEXT
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static const char *
text_of(const struct event *event, const struct member *t)
{
	const char *text;

	memcpy(&text, (const char *)event + t->at, sizeof(text));
	return text == NULL ? "" : text;
}

/* The block ---------------------------------------------------------------------- */

size_t
event_pack(const struct event *event, char *out)
{
	const struct member *t;
	size_t len, sum = 0;

	for (t = texts; t < texts + TEXTS; t++) {
		len = text_fit(text_of(event, t), t->max);
		if (out != NULL) {
			memcpy(out + sum, text_of(event, t), len);
			out[sum + len] = '\0';
		}
		sum += len + 1;
	}
	return sum;
}

void
event_unpack(struct event *event, const char *block)
{
	const struct member *t;

	for (t = texts; t < texts + TEXTS; t++) {
		memcpy((char *)event + t->at, &block, sizeof(block));
		block += strlen(block) + 1;
	}
}

/* FNV-1a, from a start that nobody outside knows. */
uint64_t
hash_text(uint64_t hash, const char *text)
{
	do {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	} while (*text++ != '\0');
	return hash;
}

uint64_t
event_hash(const struct event *event, uint64_t seed)
{
	const struct member *t;

	for (t = texts; t < texts + TEXTS; t++) {
		if (t->tells_events)
			seed = hash_text(seed, text_of(event, t));
	}
	return seed;
}

uint64_t
event_hash_object(const struct event *event, uint64_t seed)
{
	const struct member *t;

	for (t = texts; t < texts + TEXTS; t++) {
		if (t->tells_objects)
			seed = hash_text(seed, text_of(event, t));
	}
	return seed;
}

/* What is sent ------------------------------------------------------------------ */

/* An event lives with what it regards, else in "default": the server asks so. */
static const char *
event_space(const struct event *event)
{
	return event->space[0] != '\0' ? event->space : "default";
}

/* "<object>.<time in hex>", a DNS subdomain whatever the object's name is. */
static void
event_name(const struct event *event, int64_t first_ns, char out[NAME_LEN + 1])
{
	size_t len = text_subdomain(out, event->name, NAME_LEN - TIME_LEN);

	if (len == 0)
		len = (size_t)sprintf(out, "event");
	snprintf(
	    out + len, TIME_LEN + 1, ".%llx", (unsigned long long)first_ns);
}

char *
event_path(const struct event *event, int64_t first_ns)
{
	char path[512], name[NAME_LEN + 1] = "";

	if (first_ns != 0)
		event_name(event, first_ns, name);
	snprintf(path, sizeof(path),
	    "/apis/events.k8s.io/v1/namespaces/%.63s/events%s%s",
	    event_space(event), first_ns != 0 ? "/" : "", name);
	return k8s_copy(path);
}

static void
print_series(struct body *body, const struct event_times *times)
{
	char stamp[STAMP_LEN];

	stamp_print_micro(stamp, times->last_ns);
	body_open(body, "series", '{');
	body_number(body, "count", times->count);
	body_text(body, "lastObservedTime", stamp);
	body_close(body, '}');
}

static void
print_regarding(struct body *body, const struct event *event)
{
	const struct member *t;

	body_open(body, "regarding", '{');
	for (t = texts; t < texts + TEXTS; t++) {
		if (t->key != NULL && text_of(event, t)[0] != '\0')
			body_text(body, t->key, text_of(event, t));
	}
	body_close(body, '}');
}

char *
event_print(const struct event *event, const struct event_times *times,
    const char *instance)
{
	struct body body = { 0 };
	char stamp[STAMP_LEN], name[NAME_LEN + 1];

	stamp_print_micro(stamp, times->first_ns);
	event_name(event, times->first_ns, name);
	body_open(&body, NULL, '{');
	body_text(&body, "apiVersion", "events.k8s.io/v1");
	body_text(&body, "kind", "Event");
	body_open(&body, "metadata", '{');
	body_text(&body, "name", name);
	body_text(&body, "namespace", event_space(event));
	body_close(&body, '}');
	body_text(&body, "eventTime", stamp);
	body_text(&body, "reportingController", event->controller);
	body_text_cut(&body, "reportingInstance", instance, WORD_LEN);
	body_text(&body, "action", event->action);
	body_text(&body, "reason", event->reason);
	print_regarding(&body, event);
	body_text(&body, "note", event->note);
	body_text(&body, "type", event->type);
	if (times->count > 1)
		print_series(&body, times);
	body_close(&body, '}');
	return body.text;
}

char *
event_print_series(const struct event_times *times)
{
	struct body body = { 0 };

	body_open(&body, NULL, '{');
	print_series(&body, times);
	body_close(&body, '}');
	return body.text;
}
