/* SPDX-License-Identifier: ISC */
/* An event as it is kept and as it is sent: one block, its name, its JSON (pure). */

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../text.h"
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

/* From a start that nobody outside knows. */
uint64_t
hash_text(uint64_t hash, const char *text)
{
	return k8s_hash(hash, text, strlen(text) + 1);
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

/* Small letters, digits, '-', and '.' between labels. */
size_t
event_subdomain(char *out, const char *text, size_t max)
{
	size_t len = 0;
	int c;

	for (; *text != '\0' && len < max; text++) {
		c = tolower((unsigned char)*text);
		if (c == '.') {
			while (len > 0 && out[len - 1] == '-')
				len--;
		} else if (!isalnum(c) || c >= 0x80)
			c = '-';
		if (!isalnum(c) && (len == 0 || out[len - 1] == '.'))
			continue; /* a label begins with none of these */
		out[len++] = (char)c;
	}
	while (len > 0 && !isalnum((unsigned char)out[len - 1]))
		len--;
	out[len] = '\0';
	return len;
}

/* "<object>.<time in hex>", a DNS subdomain whatever the object's name is. */
static void
event_name(const struct event *event, int64_t first_ns, char out[NAME_LEN + 1])
{
	size_t len = event_subdomain(out, event->name, NAME_LEN - TIME_LEN);

	if (len == 0)
		len = (size_t)sprintf(out, "event");
	snprintf(
	    out + len, TIME_LEN + 1, ".%llx", (unsigned long long)first_ns);
}

char *
event_path(const struct event *event, int64_t first_ns)
{
	char name[NAME_LEN + 1] = "";

	if (first_ns != 0)
		event_name(event, first_ns, name);
	return k8s_print("/apis/events.k8s.io/v1/namespaces/%.63s/events%s%s",
	    event_space(event), first_ns != 0 ? "/" : "", name);
}

static void
print_series(struct text *out, const struct event_times *times)
{
	char stamp[STAMP_LEN];

	stamp_print_micro(stamp, times->last_ns);
	text_open(out, "series", '{');
	text_number(out, "count", times->count);
	text_string(out, "lastObservedTime", stamp);
	text_close(out, '}');
}

static void
print_regarding(struct text *out, const struct event *event)
{
	const struct member *t;

	text_open(out, "regarding", '{');
	for (t = texts; t < texts + TEXTS; t++) {
		if (t->key != NULL && text_of(event, t)[0] != '\0')
			text_string(out, t->key, text_of(event, t));
	}
	text_close(out, '}');
}

char *
event_print(const struct event *event, const struct event_times *times,
    const char *instance)
{
	struct text out = { 0 };
	char stamp[STAMP_LEN], name[NAME_LEN + 1];

	stamp_print_micro(stamp, times->first_ns);
	event_name(event, times->first_ns, name);
	text_open(&out, NULL, '{');
	text_string(&out, "apiVersion", "events.k8s.io/v1");
	text_string(&out, "kind", "Event");
	text_open(&out, "metadata", '{');
	text_string(&out, "name", name);
	text_string(&out, "namespace", event_space(event));
	text_close(&out, '}');
	text_string(&out, "eventTime", stamp);
	text_string(&out, "reportingController", event->controller);
	text_string_cut(&out, "reportingInstance", instance, WORD_LEN);
	text_string(&out, "action", event->action);
	text_string(&out, "reason", event->reason);
	print_regarding(&out, event);
	text_string(&out, "note", event->note);
	text_string(&out, "type", event->type);
	if (times->count > 1)
		print_series(&out, times);
	text_close(&out, '}');
	return out.s;
}

char *
event_print_series(const struct event_times *times)
{
	struct text out = { 0 };

	text_open(&out, NULL, '{');
	print_series(&out, times);
	text_close(&out, '}');
	return out.s;
}
