/* SPDX-License-Identifier: ISC */
/* Whose Lease was renewed lately, by what one watch told, in order (pure). */

/*
 * Nothing is compared with a clock of somebody else's, nor with the calendar. A
 * node is alive when another version of its Lease came; it is gone when the same
 * watch told of a renewal of our own, and a whole duration before that of none of
 * its. So a watch that hangs, a server that is away and a process that was frozen
 * say nothing of others: where our own renewals are not told of, everybody is
 * unknown, and when they are told of again, each has a whole duration anew.
 *
 * Who is found in the first list may be dead for hours: unknown, until it is
 * renewed or is not. A Lease that was deleted may still be believed in by its
 * node, which makes it again: it ends as one that is not renewed.
 */

#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"

struct beat {
	RB_ENTRY(beat) link;
	TAILQ_ENTRY(beat) queue; /* the longest not renewed first */
	bool queued;		 /* it is not gone yet */
	bool deleted;
	uint8_t pulse; /* enum pulse, as long as we are live */
	int64_t seen_ms, valid_ms;
	char version[VERSION_LEN];
	char name[];
};
RB_HEAD(beats, beat);

struct pulses {
	char *self;
	struct beats beats;
	TAILQ_HEAD(, beat) queue;
	size_t count;
	bool live;
	int64_t live_ms;  /* the last renewal of our own that was told of */
	int64_t since_ms; /* live without a gap since then */
};

K8S_TREE_OF_NAMES(beats, beat, name)

struct pulses *
pulses_new(const char *self)
{
	struct pulses *p = k8s_alloc(sizeof(*p));

	p->self = k8s_copy(self);
	RB_INIT(&p->beats);
	TAILQ_INIT(&p->queue);
	return p;
}

static void
beat_unqueue(struct pulses *p, struct beat *b)
{
	if (b->queued)
		TAILQ_REMOVE(&p->queue, b, queue);
	b->queued = false;
}

static void
beat_queue(struct pulses *p, struct beat *b)
{
	beat_unqueue(p, b);
	TAILQ_INSERT_TAIL(&p->queue, b, queue);
	b->queued = true;
}

static void
beat_free(struct pulses *p, struct beat *b)
{
	beat_unqueue(p, b);
	RB_REMOVE(beats, &p->beats, b);
	p->count--;
	free(b);
}

void
pulses_free(struct pulses *p)
{
	if (p == NULL)
		return;
	while (!RB_EMPTY(&p->beats))
		beat_free(p, RB_ROOT(&p->beats));
	free(p->self);
	free(p);
}

static struct beat *
beat_get(struct pulses *p, const char *node)
{
	struct beat *b = beats_find(&p->beats, node);

	if (b != NULL)
		return b;
	b = k8s_alloc(sizeof(*b) + strlen(node) + 1);
	strcpy(b->name, node);
	b->pulse = PULSE_UNKNOWN;
	RB_INSERT(beats, &p->beats, b);
	p->count++;
	return b;
}

static bool
beat_set(struct beat *b, enum pulse pulse)
{
	bool differs = b->pulse != pulse;

	b->pulse = (uint8_t)pulse;
	return differs;
}

/* What was told until now is of a time that nobody vouches for. */
static void
pulses_doubt(struct pulses *p)
{
	struct beat *b;

	RB_FOREACH (b, beats, &p->beats) {
		if (beat_set(b, PULSE_UNKNOWN))
			beat_queue(p, b);
	}
	p->live = false;
}

/* A whole duration has gone by in which the watch told, and not of that one. */
static bool
pulses_expire(struct pulses *p)
{
	struct beat *b, *next;
	bool changed = false;
	int64_t from_ms;

	TAILQ_FOREACH_SAFE (b, &p->queue, queue, next) {
		from_ms = b->seen_ms > p->since_ms ? b->seen_ms : p->since_ms;
		if (p->live_ms - from_ms < PULSE_VALID_MS)
			break; /* so all behind it */
		if (p->live_ms - from_ms < b->valid_ms)
			continue; /* another release's, which is slower */
		beat_unqueue(p, b);
		changed |= beat_set(b, PULSE_GONE);
	}
	return changed;
}

/* Our own renewal: the watch tells, and the server writes. */
static bool
pulses_beat(struct pulses *p, int64_t now_ms)
{
	bool was_live = p->live;

	if (!p->live)
		p->since_ms = now_ms;
	p->live = true;
	p->live_ms = now_ms;
	return pulses_expire(p) || !was_live;
}

bool
pulses_hear(struct pulses *p, const char *node, const char *version,
    bool released, int64_t valid_ms, int64_t now_ms)
{
	struct beat *b = beat_get(p, node);
	bool first = b->version[0] == '\0', changed;

	changed = pulses_tick(p, now_ms);
	b->deleted = false;
	if (strncmp(b->version, version, sizeof(b->version) - 1) == 0)
		return changed;
	strncpy(b->version, version, sizeof(b->version) - 1);
	b->seen_ms = now_ms;
	b->valid_ms = valid_ms;
	beat_queue(p, b);
	if (released) {
		beat_unqueue(p, b);
		return beat_set(b, PULSE_GONE) || changed;
	}
	if (first)
		return changed;
	if (strcmp(node, p->self) == 0)
		changed |= pulses_beat(p, now_ms);
	/* Before, it may be of any time since the watch fell silent. */
	return beat_set(b, p->live ? PULSE_ALIVE : PULSE_UNKNOWN) || changed;
}

void
pulses_miss(struct pulses *p, const char *node)
{
	struct beat *b = beats_find(&p->beats, node);

	if (b != NULL)
		b->deleted = true;
}

void
pulses_forget(struct pulses *p, const char *node)
{
	struct beat *b = beats_find(&p->beats, node);

	if (b != NULL && b->deleted)
		beat_free(p, b);
}

bool
pulses_tick(struct pulses *p, int64_t now_ms)
{
	if (!p->live || now_ms - p->live_ms < PULSE_LIVE_MS)
		return false;
	pulses_doubt(p);
	return true;
}

int64_t
pulses_next_ms(const struct pulses *p)
{
	return p->live ? p->live_ms + PULSE_LIVE_MS : INT64_MAX;
}

bool
pulses_is_live(const struct pulses *p)
{
	return p->live;
}

enum pulse
pulses_of(const struct pulses *p, const char *node)
{
	const struct beat *b = beats_find(&p->beats, node);

	return b == NULL || !p->live ? PULSE_UNKNOWN : (enum pulse)b->pulse;
}

size_t
pulses_count(const struct pulses *p)
{
	return p->count;
}
