/* SPDX-License-Identifier: ISC */
/* What is wrong with a list or a watch, who is told, and what helps against it. */

/*
 * A state is logged when it begins, not when it is met again: the first failure,
 * another kind of failure after a while, and that it works again.
 */

#include <bsd/stdlib.h>
#include <stdio.h>
#include <string.h>

#include "watch.h"

#define PROOFS	      3 /* answers that drop what is known */
#define TELL_AGAIN_MS (60 * 1000)
#define SPREAD_MS     3000

/* What is wrong ------------------------------------------------------------------ */

/* It works: what was wrong is over. */
void
remedy_over(struct reflector *r)
{
	bool troubled = r->troubled;

	pace_well(&r->pace, guest_now_ms(r->guest));
	r->guest->host->timer_stop(r->timer);
	if (troubled || r->absent)
		tell(r, LOG_NOTICE, "%s", "watching again");
	r->troubled = r->absent = r->resumed = false;
	r->absences = 0;
	if (troubled)
		r->sink->on_trouble(r->arg, NULL);
}

/* "services", "ipaddresspools.metallb.io": as a role names what is at a path. */
static void
resource_print(const char *path, char *out, size_t size)
{
	const char *last = strrchr(path, '/'), *group;

	snprintf(out, size, "%s", last == NULL ? path : last + 1);
	if (strncmp(path, "/apis/", 6) != 0)
		return;
	group = path + 6;
	snprintf(out + strlen(out), size - strlen(out), ".%.*s",
	    (int)strcspn(group, "/"), group);
}

/* Why, with the cure where it is known. */
static void
why_print(struct reflector *r, int status, const char *why)
{
	char resource[160];

	resource_print(r->kind->path, resource, sizeof(resource));
	if (status == 403)
		snprintf(r->waiting, sizeof(r->waiting),
		    "waiting: %s; a role must allow the verbs list and watch "
		    "of %s",
		    why, resource);
	else if (status == 404)
		snprintf(r->waiting, sizeof(r->waiting),
		    "waiting: %s; the server does not serve %s: is its version "
		    "too old, or a CustomResourceDefinition not installed?",
		    why, resource);
	else
		snprintf(r->waiting, sizeof(r->waiting), "waiting: %s", why);
}

/* Told when it begins and when it becomes another, logged not too often. */
static void
trouble(struct reflector *r, int status, const char *why)
{
	bool again = r->troubled && r->status == status;

	why_print(r, status, why);
	if (again)
		return;
	if (!r->troubled ||
	    guest_now_ms(r->guest) - r->logged_ms > TELL_AGAIN_MS) {
		tell(r, LOG_WARNING, "%s", strchr(r->waiting, ' ') + 1);
		r->logged_ms = guest_now_ms(r->guest);
	}
	r->troubled = true;
	r->status = status;
	r->sink->on_trouble(r->arg, strchr(r->waiting, ' ') + 1);
}

/*
 * Is an optional kind not there? That is believed at once where nothing is
 * known, and else when it is said again and again. Want of a right drops nothing:
 * the first reading of all kinds does not wait for it.
 */
static bool
is_absent(struct reflector *r, int status)
{
	bool is_harmless =
	    status == 403 ? !r->synced : known_count(r->known) == 0;
	unsigned proofs = is_harmless ? 1 : PROOFS;

	if (!r->kind->optional || (status != 403 && status != 404))
		return false;
	return r->absent || ++r->absences >= proofs;
}

/* What is known goes, but not for want of a right. */
static void
absence(struct reflector *r, int status, const char *why)
{
	why_print(r, status, why);
	if (r->absent)
		return;
	r->absent = true;
	tell(r, LOG_NOTICE, "none, and looked for now and then: %s",
	    strchr(r->waiting, ' ') + 1);
	if (status == 403) {
		observe_synced(r);
		return;
	}
	observe_list(r);
	observe_list_end(r);
}

/* Failures ------------------------------------------------------------------------ */

static int64_t
pace(struct reflector *r, int status, int64_t retry_after_ms)
{
	return pace_fail(&r->pace, guest_now_ms(r->guest), status,
	    retry_after_ms, arc4random());
}

static void
try_again(struct reflector *r, const struct api_reply *reply)
{
	int64_t after_ms = pace(r, reply->status, reply->retry_after_ms);
	bool absent = is_absent(r, reply->status);

	if (!absent && (r->listed || r->job == JOB_PROBE))
		reflector_resume(r, after_ms);
	else
		reflector_list(r, after_ms);
	if (absent)
		absence(r, reply->status, reply->why);
	else
		trouble(r, reply->status, reply->why);
}

static void
list_plain(struct reflector *r, const struct api_reply *reply)
{
	tell(r, LOG_INFO, "no streaming list (%s): a plain one", reply->why);
	r->plain = true;
	reflector_list(r, 0);
}

/* The pages of a list grow too old before it is read: once in one piece. */
static void
list_unpaged(struct reflector *r, const struct api_reply *reply)
{
	if (r->unpaged) {
		try_again(r, reply);
		return;
	}
	r->unpaged = true;
	reflector_list(r, pace(r, 410, -1));
}

/* After a failure it is so for all nodes at once: they come apart. */
static void
list_again(struct reflector *r, const struct api_reply *reply)
{
	int64_t after_ms = pace(r, 410, -1);

	if (r->resumed)
		after_ms += arc4random_uniform(SPREAD_MS);
	r->resumed = false;
	tell(r, reply->status == 410 ? LOG_INFO : LOG_WARNING,
	    "version %s cannot be watched: %s; listing again", r->version,
	    reply->why);
	why_print(r, 0, reply->why);
	reflector_list(r, after_ms);
}

/* What helps against a status; else it is tried again. */
struct remedy {
	enum job job;
	int status;
	void (*apply)(struct reflector *r, const struct api_reply *reply);
};

static const struct remedy remedies[] = {
	{ JOB_STREAM, 400, list_plain },
	{ JOB_STREAM, 422, list_plain },
	{ JOB_LIST, 410, list_unpaged },
	{ JOB_WATCH, 400, list_again },
	{ JOB_WATCH, 410, list_again },
	{ JOB_WATCH, 504, list_again },
	{ JOB_PROBE, 400, list_again },
};

void
remedy_failure(struct reflector *r, const struct api_reply *reply)
{
	struct api_reply failure = *reply;
	size_t i;

	/* An answer that broke off is none. */
	if (failure.status / 100 == 2)
		failure.status = 0;
	for (i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (remedies[i].job == r->job &&
		    remedies[i].status == failure.status) {
			remedies[i].apply(r, &failure);
			return;
		}
	}
	try_again(r, &failure);
}

void
remedy_fail(struct reflector *r, int status, const char *why)
{
	struct api_reply reply = { status, -1, why, "", NULL, 0 };

	remedy_failure(r, &reply);
}

/*
 * The newest object that was known has changed since, or the server has another
 * history: which of them it is, a list does not need to know.
 */
void
remedy_strange(struct reflector *r)
{
	tell(r, LOG_INFO, "%s is not as it was at version %s; listing again",
	    r->witness.key, r->witness.version);
	reflector_list(r, pace(r, 410, -1));
}

/* What a value has told. */
void
remedy_verdict(struct reflector *r)
{
	if (r->verdict == REFUSED) {
		remedy_fail(r, r->error, r->message);
		return;
	}
	tell(r, LOG_WARNING,
	    "the server went back before version %s: listing again",
	    r->version);
	reflector_list(r, pace(r, 410, -1));
}
