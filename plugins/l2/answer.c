/* SPDX-License-Identifier: ISC */
/* What is to be done about a frame that names an address of ours. */

/*
 * Pure. In: a frame whose form is right, and how things stand with the address.
 * Out: a verdict, with the reason where it is silence. Rules: RFC 826, RFC 5227
 * 2.1 and 2.4, RFC 4861 7.2.3-7.2.5, RFC 4862 5.4.3.
 *
 * An answer goes to the station that asked, and to no third one that the frame
 * names: a request whose Ethernet source is not its SHA (or SLLAO) is answered
 * only to a router or a virtual router's MAC, which differ honestly, and then
 * to the Ethernet source.
 */

#include "frame.h"

/* VRRP (RFC 9568 7.3, both families), HSRP of both versions. */
static bool
mac_is_virtual_router(const uint8_t *mac)
{
	static const uint8_t vrrp[4] = { 0, 0, 0x5e, 0 };
	static const uint8_t hsrp[5] = { 0, 0, 0x0c, 0x07, 0xac };
	static const uint8_t hsrp2[4] = { 0, 0, 0x0c, 0x9f };

	return (memcmp(mac, vrrp, 4) == 0 && (mac[4] == 1 || mac[4] == 2)) ||
	       memcmp(mac, hsrp, 5) == 0 ||
	       (memcmp(mac, hsrp2, 4) == 0 && mac[4] >> 4 == 0xf);
}

static struct answer
nothing(enum answer_reason reason)
{
	return (struct answer){ .what = ANSWER_NOTHING, .reason = reason };
}

/* Who says that he has the address: the MAC that caches would take. */
static const uint8_t *
speaker(const struct frame *f)
{
	return f->has_mac ? f->mac : f->ether_src;
}

static bool
is_probe(const struct frame *f)
{
	return (f->kind == FRAME_REQUEST || f->kind == FRAME_NS) &&
	       frame_addr_is_zero(&f->sender);
}

/* Does the frame say that its sender has the address? */
static bool
claims(const struct frame *f, const struct bgpd_addr *addr)
{
	if (f->kind == FRAME_NA)
		return kit_addr_equal(&f->target, addr);
	return kit_addr_equal(&f->sender, addr);
}

static bool
is_own(const struct frame *f, const struct answer_scene *scene)
{
	if (f->has_nonce && scene->nonce != NULL &&
	    memcmp(f->nonce, scene->nonce, NONCE_LEN) == 0)
		return true; /* RFC 7527 4.2: it was looped back */
	return frame_mac_equal(speaker(f), scene->mac);
}

static struct answer
judge_probe(const struct frame *f, const struct answer_scene *scene)
{
	struct answer a = { .what = ANSWER_REPLY, .to = f->ether_src };

	/* Seen from devices that relay probes: no evidence, no answer. */
	if (f->has_mac && !frame_mac_equal(f->mac, f->ether_src))
		return nothing(REASON_SOURCE);
	if (scene->probing) {
		a.what = ANSWER_RIVAL; /* RFC 5227 2.1.1 */
		a.mac = speaker(f);
		return a;
	}
	if (!scene->taken)
		return nothing(REASON_SILENT);
	if (f->kind == FRAME_NS)
		a.what = ANSWER_TO_ALL; /* RFC 4861 7.2.4 */
	return a;
}

static struct answer
judge_question(const struct frame *f, const struct answer_scene *scene)
{
	struct answer a = { .what = ANSWER_REPLY, .to = f->ether_src };

	if (f->has_mac && !frame_mac_equal(f->mac, f->ether_src) &&
	    !scene->router && !mac_is_virtual_router(f->mac))
		return nothing(REASON_SOURCE);
	if (scene->foreign && !scene->router)
		return nothing(REASON_FOREIGN);
	if (!scene->taken)
		return nothing(REASON_SILENT);
	a.knows_us = !f->to_all;
	return a;
}

/* To the address: somebody we asked under its name. */
static struct answer
judge_reply(const struct frame *f, const struct answer_scene *scene)
{
	if (f->to_all || !scene->taken ||
	    (f->kind == FRAME_REPLY
		    ? !frame_mac_equal(f->target_mac, scene->mac)
		    : !f->solicited))
		return nothing(REASON_STRAY);
	return (struct answer){ .what = ANSWER_LEARNED };
}

struct answer
answer_judge(const struct frame *f, const struct answer_scene *scene)
{
	if (!f->to_all && !frame_mac_equal(f->ether_dst, scene->mac))
		return nothing(REASON_OTHERHOST);
	if (is_own(f, scene))
		return nothing(REASON_OWN);
	if (claims(f, scene->addr))
		return (struct answer){ .what = ANSWER_CONFLICT,
			.mac = speaker(f) };
	if (f->kind == FRAME_REPLY || f->kind == FRAME_NA)
		return judge_reply(f, scene);
	if (!kit_addr_equal(&f->target, scene->addr))
		return nothing(REASON_STRAY);
	return is_probe(f) ? judge_probe(f, scene) : judge_question(f, scene);
}

static const char *const reason_names[REASONS] = {
	[REASON_NONE] = "none",
	[REASON_OWN] = "own",
	[REASON_SILENT] = "silent",
	[REASON_FOREIGN] = "foreign-subnet",
	[REASON_SOURCE] = "ethernet-source",
	[REASON_STRAY] = "stray",
	[REASON_LIMITED] = "limited",
	[REASON_OLD] = "old",
	[REASON_UNKNOWN] = "unknown",
	[REASON_OTHERHOST] = "other-host",
};

const char *
answer_reason_name(unsigned reason)
{
	return reason < REASONS ? reason_names[reason] : "?";
}

/* How often ------------------------------------------------------------------- */

bool
bucket_take(struct bucket *b, uint32_t per_sec, uint32_t burst, int64_t now_us)
{
	int64_t full = (int64_t)burst * 1000, level;

	if (b->at_us == 0)
		level = full;
	else
		level = b->level + (now_us - b->at_us) * per_sec / 1000;
	/* A clock that stood still for long: no overflow, it is full. */
	if (level > full || now_us - b->at_us > INT64_C(1000000000))
		level = full;
	b->at_us = now_us;
	b->level = (uint32_t)level;
	if (level < 1000)
		return false;
	b->level -= 1000;
	return true;
}

bool
limit_allows(struct limit *limit, const uint8_t mac[MAC_LEN], int64_t now_us)
{
	uint32_t hash = 2166136261u ^ limit->secret;
	unsigned i;

	for (i = 0; i < MAC_LEN; i++)
		hash = (hash ^ mac[i]) * 16777619u;
	hash ^= hash >> 16;
	return bucket_take(&limit->slots[hash % LIMIT_SLOTS], LIMIT_RATE,
		   LIMIT_BURST, now_us) &&
	       bucket_take(&limit->all, LIMIT_ALL, LIMIT_ALL, now_us);
}
