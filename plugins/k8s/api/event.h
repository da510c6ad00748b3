/* SPDX-License-Identifier: ISC */
/* Between recorder.c and event.c: an event as it is kept and as it is sent. */
#ifndef K8S_EVENT_H
#define K8S_EVENT_H

#include "api.h"

/* How often it was said by now, and when (of the calendar). */
struct event_times {
	int64_t first_ns, last_ns; /* the first is in the event's name */
	uint32_t count;
};

/* All its texts in one block, cut to what the server takes; out NULL: how long. */
size_t event_pack(const struct event *event, char *out);
/* Its texts point into the block; none is NULL. */
void event_unpack(struct event *event, const char *block);

/* The same for what is a repeat; for what regards the same object. */
uint64_t event_hash(const struct event *event, uint64_t seed);
uint64_t event_hash_object(const struct event *event, uint64_t seed);
uint64_t hash_text(uint64_t hash, const char *text);

/* Of the event itself; first_ns 0: of the list of its namespace. To be freed. */
char *event_path(const struct event *event, int64_t first_ns);
/* The whole, or what a repeat changes (a merge patch). To be freed. */
char *event_print(const struct event *event, const struct event_times *times,
    const char *instance);
char *event_print_series(const struct event_times *times);
/*
 * A DNS subdomain (RFC 1123) of at most max bytes out of any text; out has room
 * for one more. Its length; 0: nothing of the text can stand in one.
 */
size_t event_subdomain(char *out, const char *text, size_t max);

#endif
