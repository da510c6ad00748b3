/* SPDX-License-Identifier: ISC */
/* Talking: what each member is told and when, and what is believed of it. */

/*
 * A message goes to one member. News (changed claims) go at once and twice more
 * in the next ticks; so do changed views. Otherwise each member hears from this
 * node every second, each detection time while it is not up (so that two that
 * meet again know it within one), and, consistent, each interval: these are the
 * promises that keep an owner answering.
 *
 * Two sums tell whether two nodes believe the same: `digest`, of all that the
 * sender owns, and `agree`, of all that it believes the other owns. When both fit
 * the two are in step. When they do not, at once after a start, a gap or a lost
 * session, else after two intervals, the one tells all that it owns, and wants to
 * be told what the other knows of it and of those who cannot speak.
 *
 * A key is changed at each node at another time. Every message says which key its
 * sender has, and for five minutes after a change both are believed: whoever has
 * the new one speaks by the old one to those that have shown no other.
 */

#include "owner_inside.h"

#define OUTBOX_MAX 65536
#define SECOND_US  INT64_C(1000000)
#define TWIN_MAX   64 /* so many later: it came by another way before */
/* A Secret that is mounted reaches some nodes minutes after others. */
#define OLD_KEY_US INT64_C(300000000)

const char owners_twin[] = "it came by another way before";

void
talk_entry(struct owners *o, struct member *m, const struct message_entry *e)
{
	struct outbox *out = &m->out;

	if (m == o->self || out->count >= OUTBOX_MAX)
		return;
	if (out->count == out->room) {
		out->room = out->room > 0 ? out->room * 2 : 16;
		out->entries =
		    kit_grow(out->entries, out->room * sizeof(out->entries[0]));
	}
	out->entries[out->count++] = *e;
}

/* Out ------------------------------------------------------------------------------ */

static uint16_t
flags_to(const struct owners *o, const struct member *m, bool fresh)
{
	uint16_t flags = 0;

	if (o->leaving == OWNERS_HANDOVER)
		flags |= MESSAGE_LEAVING | (o->left_in > 0 ? MESSAGE_GONE : 0);
	if (o->leaving == OWNERS_RESTART)
		flags |= MESSAGE_LEAVING | MESSAGE_RESTARTING;
	if (o->no_carrier)
		flags |= MESSAGE_NO_CARRIER;
	if (o->hearing)
		flags |= MESSAGE_HEARING;
	if (o->frozen)
		flags |= MESSAGE_FROZEN;
	if (o->alone)
		flags |= MESSAGE_ALONE;
	if (o->self_fenced)
		flags |= MESSAGE_SELF_FENCED;
	if (o->gateway == OWNERS_REACHED)
		flags |= MESSAGE_GATEWAY;
	if (m->want || !m->synced)
		flags |= MESSAGE_WANT;
	if (!fresh && !o->hearing && m->boot != 0 &&
	    verdict_view(o, m) == VIEW_UP)
		flags |= MESSAGE_GRANT;
	return flags;
}

static void
views_to(const struct owners *o, struct message *msg)
{
	const struct member *m;
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m == o->self || !o->self->watching[i] ||
		    msg->view_count == MESSAGE_VIEWS)
			continue;
		msg->views[msg->view_count].id = m->id;
		msg->views[msg->view_count++].state = verdict_view(o, m);
	}
}

static void
head_to(struct owners *o, struct member *m, bool fresh)
{
	struct message *msg = &o->message;

	msg->flags = flags_to(o, m, fresh);
	if (msg->flags & MESSAGE_GRANT)
		m->granted_us = m->heard_us;
	msg->restart_ms =
	    o->leaving == OWNERS_RESTART ? (uint16_t)o->config.restart_ms : 0;
	msg->key_id = o->key.id;
	msg->from = o->self->id;
	msg->to = m->id;
	msg->boot = o->boot;
	msg->echo_boot = fresh ? m->fresh_boot : m->boot;
	msg->echo_seq = fresh ? m->fresh_seq : m->seq;
	msg->digest = o->self->claims_digest;
	msg->agree = m->claims_digest;
	msg->view_count = 0;
	views_to(o, msg);
	segments_to(o, fresh ? NULL : m, msg);
}

/* Keys ------------------------------------------------------------------------------ */

void
owners_key(struct owners *o, const uint8_t *key, size_t len)
{
	static const char salt[] = "fairway l2 key";
	uint8_t mac[MESSAGE_MAC];
	struct secret next = { .len = len };

	if (next.len > sizeof(next.bytes))
		next.len = sizeof(next.bytes);
	if (next.len > 0)
		memcpy(next.bytes, key, next.len);
	message_mac(
	    next.bytes, next.len, (const uint8_t *)salt, sizeof(salt), mac);
	next.id = message_id(mac, sizeof(mac));
	if (next.id == o->key.id)
		return;
	if (o->started) {
		o->old_key = o->key;
		o->old_key_until_us = o->now_us + OLD_KEY_US;
	}
	o->key = next;
	explicit_bzero(&next, sizeof(next));
}

static bool
has_old_key(const struct owners *o)
{
	return o->now_us < o->old_key_until_us;
}

/* What it is written to by. */
static const struct secret *
secret_for(const struct owners *o, const struct member *m)
{
	return has_old_key(o) && m->key_id == o->old_key.id ? &o->old_key
							    : &o->key;
}

static void
send_one(struct owners *o, struct member *m)
{
	const struct secret *key = secret_for(o, m);
	uint8_t bytes[OWNERS_MESSAGE_MAX];
	size_t len;

	o->message.seq = ++o->seq;
	o->sent[o->seq % SENT_RING].seq = o->seq;
	o->sent[o->seq % SENT_RING].at_us = o->now_us;
	len = message_encode(&o->message, key->bytes, key->len, bytes);
	if (o->calls.send != NULL)
		o->calls.send(
		    o->arg, m->name, bytes, len, o->message.entry_count > 0);
}

/* fresh: to a start of it that is not believed yet. */
void
talk_to(struct owners *o, struct member *m, bool fresh)
{
	struct message *msg = &o->message;
	bool keyed = secret_for(o, m)->len > 0;
	size_t next = 0;

	head_to(o, m, fresh);
	do {
		msg->entry_count = 0;
		while (
		    next < m->out.count && msg->entry_count < MESSAGE_ENTRIES &&
		    message_size(msg, keyed,
			m->out.entries[next].addr.family) <= OWNERS_MESSAGE_MAX)
			msg->entries[msg->entry_count++] =
			    m->out.entries[next++];
		send_one(o, m);
	} while (next < m->out.count);
	m->out.count = 0;
	m->now = false;
}

static void
news_to_all(struct owners *o, const struct claim *claim)
{
	struct message_entry e = claim_entry(claim, ENTRY_CLAIM);
	size_t i;

	for (i = 0; i < o->member_count; i++)
		talk_entry(o, o->members[i], &e);
}

/* Said again, since messages are lost; then forgotten. */
static void
news_again(struct owners *o)
{
	struct claim *claim, *next;

	TAILQ_FOREACH_SAFE (claim, &o->news, of_news, next) {
		if (claim->tell == TELL_TIMES)
			continue; /* its first time is now */
		news_to_all(o, claim);
		if (--claim->tell == 0) {
			TAILQ_REMOVE(&o->news, claim, of_news);
			claim_forget(o, claim);
		}
	}
}

void
talk_flush(struct owners *o)
{
	struct claim *claim;
	struct member *m;
	size_t i;

	if (o->has_news) {
		TAILQ_FOREACH (claim, &o->news, of_news) {
			if (claim->tell == TELL_TIMES) {
				news_to_all(o, claim);
				claim->tell--;
			}
		}
		o->has_news = false;
	}
	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m != o->self && (m->out.count > 0 || m->now))
			talk_to(o, m, false);
	}
}

void
talk_hurry(struct owners *o)
{
	size_t i;

	for (i = 0; i < o->member_count; i++) {
		o->members[i]->hurry = TELL_TIMES - 1;
		o->members[i]->now = true;
	}
}

static int64_t
pause_us(const struct owners *o, const struct member *m)
{
	if (owner_is_consistent(o) && o->self->watching[m->index])
		return o->interval_us;
	if (m->live != OWNERS_UP && o->self->watching[m->index])
		return o->now_us - m->heard_us < SECOND_US
			   ? o->interval_us
			   : o->detect_us - o->interval_us;
	return SECOND_US;
}

void
talk_due(struct owners *o)
{
	struct member *m;
	size_t i;

	news_again(o);
	for (i = 0; i < o->member_count; i++) {
		m = o->members[i];
		if (m == o->self)
			continue;
		if (m->hurry > 0)
			m->hurry--;
		else if (o->now_us < m->send_us)
			continue;
		m->send_us = o->now_us + pause_us(o, m);
		m->now = true;
	}
}

/* All that it should know -------------------------------------------------------------- */

static void
tell_list(struct owners *o, struct member *m, const struct claim_list *claims)
{
	struct message_entry e;
	struct claim *claim;

	TAILQ_FOREACH (claim, claims, of_owner) {
		e = claim_entry(claim, ENTRY_CLAIM);
		if (claim->epoch != 0)
			talk_entry(o, m, &e);
	}
}

/* What it has, what this node has, and what those had who cannot say it. */
static void
tell_known(struct owners *o, struct member *m)
{
	struct member *other;
	size_t i;

	if (o->now_us - m->known_us < o->interval_us && m->known_us != 0)
		return;
	m->known_us = m->full_us = o->now_us;
	for (i = 0; i < o->member_count; i++) {
		other = o->members[i];
		if (other == o->self || other == m ||
		    other->verdict != VERDICT_ALIVE ||
		    (other->flags & MESSAGE_HEARING) != 0)
			tell_list(o, m, &other->claims);
	}
	tell_list(o, m, &o->orphans);
	m->now = true;
}

static void
tell_mine(struct owners *o, struct member *m)
{
	if (o->now_us - m->full_us < o->interval_us && m->full_us != 0)
		return;
	m->full_us = o->now_us;
	m->want = true;
	m->now = true;
	tell_list(o, m, &o->self->claims);
}

/* In ------------------------------------------------------------------------------------ */

static int64_t
sent_at(const struct owners *o, uint64_t seq)
{
	const struct sent *sent = &o->sent[seq % SENT_RING];

	return seq != 0 && sent->seq == seq ? sent->at_us : 0;
}

/* Another start of it: believed when it echoes what was said to it since. */
static const char *
admit_boot(struct owners *o, struct member *m, const struct message *msg)
{
	if (msg->boot == m->fresh_boot && msg->echo_boot == o->boot &&
	    msg->echo_seq >= m->challenge) {
		m->key_id = msg->key_id;
		m->boot = msg->boot;
		m->seq = msg->seq;
		m->flags = 0;
		m->synced = false;
		m->echoed_us = 0;
		m->full_us = m->known_us = 0;
		segments_forget(o, m);
		if (o->now_us < m->grace_us)
			m->grace_end_us = o->now_us + 5 * SECOND_US;
		return NULL;
	}
	if (msg->boot != m->fresh_boot) {
		m->key_id = msg->key_id;
		m->fresh_boot = msg->boot;
		m->fresh_seq = msg->seq;
		m->challenge = o->seq + 1;
		m->replied_us = 0;
	}
	if (msg->seq > m->fresh_seq)
		m->fresh_seq = msg->seq;
	if (m->replied_us == 0 ||
	    o->now_us - m->replied_us >= o->interval_us / 2) {
		m->replied_us = o->now_us;
		talk_to(o, m, true);
	}
	return "a start that has to show that it is no replay";
}

static const char *
admit(struct owners *o, struct member **member, const struct message *msg)
{
	struct member *m = *member = member_by_id(o, msg->from);

	if (m == NULL)
		return "of no member";
	if (m == o->self || msg->to != o->self->id)
		return "for somebody else";
	if (msg->boot == 0)
		return "of no start";
	if (msg->boot != m->boot)
		return admit_boot(o, m, msg);
	if (msg->seq <= m->seq)
		return m->seq - msg->seq < TWIN_MAX
			   ? owners_twin
			   : "heard before, or too late";
	m->key_id = msg->key_id;
	m->seq = msg->seq;
	return NULL;
}

static bool
hear_views(struct owners *o, struct member *m, const struct message *msg)
{
	const struct member *other;
	bool changed = false;
	size_t i;

	for (i = 0; i < msg->view_count; i++) {
		other = member_by_id(o, msg->views[i].id);
		if (other == NULL ||
		    m->views[other->index] == msg->views[i].state)
			continue;
		m->views[other->index] = msg->views[i].state;
		changed = true;
	}
	return changed;
}

/* Its promise counts from when the message was sent that it echoes. */
static void
hear_promise(struct owners *o, struct member *m, const struct message *msg)
{
	int64_t at_us;

	if (owner_is_consistent(o) && m->echoed_us + o->detect_us <= o->now_us)
		m->synced = false; /* it may have agreed to another since */
	if (msg->echo_boot != o->boot)
		return;
	at_us = sent_at(o, msg->echo_seq);
	if (at_us > m->both_us)
		m->both_us = at_us;
	if ((msg->flags & MESSAGE_GRANT) && at_us > m->echoed_us)
		m->echoed_us = at_us;
}

static void
hear_grace(struct owners *o, struct member *m, const struct message *msg)
{
	int64_t until = o->now_us + SECOND_US / 2, ms = msg->restart_ms;

	if (msg->flags & MESSAGE_RESTARTING) {
		if (ms > o->config.restart_ms)
			ms = o->config.restart_ms;
		m->grace_us = o->now_us + ms * 1000;
		m->grace_end_us = o->now_us + 5 * SECOND_US;
	} else if (o->now_us < m->grace_us && m->live != OWNERS_UP) {
		/* It is back, and BFD is slow to come up. */
		if (until > m->grace_end_us)
			until = m->grace_end_us;
		if (until > m->grace_us)
			m->grace_us = until;
	}
}

/* Do both believe the same of what the two own? */
static void
hear_sums(struct owners *o, struct member *m, const struct message *msg)
{
	m->agree = msg->agree;
	m->digest = msg->digest;
	if (o->hearing && msg->echo_seq < o->hush_seq)
		return; /* from before; it may know better by now */
	if (msg->agree == o->self->claims_digest &&
	    msg->digest == m->claims_digest) {
		m->synced = true;
		m->bound = (msg->flags & MESSAGE_ALONE) == 0;
		m->want = false;
		m->differs_us = 0;
		return;
	}
	if (m->differs_us == 0)
		m->differs_us = o->now_us;
	if (!m->synced || o->now_us - m->differs_us > 2 * o->interval_us)
		tell_mine(o, m);
}

static void
hear_message(struct owners *o, struct member *m, const struct message *msg)
{
	bool changed = msg->flags != m->flags || m->heard_us == 0, was;
	size_t i;

	/* After a pause it is not news on their way that make a difference. */
	if (o->now_us - m->heard_us > 2 * o->interval_us)
		m->differs_us = m->heard_us;
	m->flags = msg->flags;
	m->heard_us = o->now_us;
	hear_grace(o, m, msg);
	hear_promise(o, m, msg);
	changed = hear_views(o, m, msg) || changed;
	changed = segments_hear(o, m, msg) || changed;
	if (msg->ether_count > 0 && o->calls.ethers != NULL)
		o->calls.ethers(o->arg, m->name, msg->ethers, msg->ether_count);
	for (i = 0; i < msg->entry_count; i++)
		move_hear(o, m, &msg->entries[i]);
	was = m->synced;
	hear_sums(o, m, msg);
	if (msg->flags & MESSAGE_WANT)
		tell_known(o, m);
	if (changed || was != m->synced || o->hearing)
		owner_review(o);
	if (changed)
		take_decide_list(o, &o->orphans);
}

void
owners_ethers(struct owners *o, const uint8_t (*ethers)[6], size_t count)
{
	struct message *msg = &o->message;

	msg->ether_count =
	    count < MESSAGE_ETHER_MAX ? count : MESSAGE_ETHER_MAX;
	if (count > 0)
		memcpy(msg->ethers, ethers,
		    msg->ether_count * sizeof(msg->ethers[0]));
}

/* By our key, or by the one before. */
static const char *
decode(const struct owners *o, struct message *msg, const uint8_t *bytes,
    size_t len)
{
	const char *why =
	    message_decode(msg, o->key.bytes, o->key.len, bytes, len);

	if (why == NULL || !has_old_key(o))
		return why;
	return message_decode(
		   msg, o->old_key.bytes, o->old_key.len, bytes, len) == NULL
		   ? NULL
		   : why;
}

const char *
owners_hear(struct owners *o, const uint8_t *bytes, size_t len, int64_t now_us)
{
	struct message *msg;
	struct member *m;
	const char *why;

	if (!o->started)
		return "the members are not known yet";
	owner_begin(o, now_us);
	msg = kit_alloc(sizeof(*msg));
	why = decode(o, msg, bytes, len);
	if (why == NULL)
		why = admit(o, &m, msg);
	if (why == NULL)
		hear_message(o, m, msg);
	free(msg);
	owner_end(o);
	return why;
}
