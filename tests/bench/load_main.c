/* SPDX-License-Identifier: ISC */
/* The load tool's command line. */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bgpload.h"

static const char usage[] =
    "usage: bgpload --daemon ADDR --as N --local ADDR [options] STEP...\n"
    "       bgpload --relay ADDR [--port N] [--as N] [--hold N]\n"
    "           [--fault drop|twist|linger]\n"
    "\n"
    "Senders, then receivers, dial the daemon from ADDR and those behind it, as\n"
    "AS 65101 (--first-as) and those behind it.\n"
    "\n"
    "Steps: announce, announce=K senders, withdraw, lose=K senders, return,\n"
    "    join, change=PERCENT at once, churn=PERCENT,SECONDS, flap=TIMES,\n"
    "    reload=COMMAND (then all routes come once more, with the community\n"
    "    --mark N), single=CHANGES,RATE (of one route at a time: how long each takes),\n"
    "    wait=SECONDS, catch-up. Each ends when every receiver has what\n"
    "    it must have (the slow ones in catch-up alone), or after --timeout (60 s);\n"
    "    --settle (200 ms) later it is told.\n"
    "Table: --routes N, --routes6 N, --seed N, or --mrt FILE (- is stdin) with\n"
    "    --mrt-peer NUMBER and --mrt-most N. It is split between the senders;\n"
    "    --same gives all of it to each. --own N, without senders: so many of\n"
    "    198.18.0.0/15 that the daemon has of its own, for the step hear.\n"
    "Peers: --senders N, --receivers N, --both (senders receive too), --port N,\n"
    "    --hold N, --next6 ADDR, --slow N (of the receivers) --rate BYTES,\n"
    "    --stuck N (that read nothing), --later N (that dial in the step join),\n"
    "    --probes N (behind all others; sessions of the family that has no routes,\n"
    "    to see if the daemon's keepalives, one in --keepalive SECONDS, are late).\n"
    "What must come: --next-hop self|keep|either|any, --transparent (the daemon's AS\n"
    "    is not prepended), --med (is passed on), --no-partial (unknown\n"
    "    attributes are not marked), --ignore med,partial,unknown.\n"
    "\n"
    "Prints JSON, an object in each line; --paced: waits for a line of stdin\n"
    "before it dials, before each step, and after it.\n"
    "Exit: 0 all came as it must, 1 not so, 2 it cannot be run.\n";

enum {
	OPT_DAEMON = 256,
	OPT_AS,
	OPT_LOCAL,
	OPT_RELAY,
	OPT_FAULT,
	OPT_PORT,
	OPT_HOLD,
	OPT_ROUTES,
	OPT_ROUTES6,
	OPT_OWN,
	OPT_SEED,
	OPT_MRT,
	OPT_MRT_PEER,
	OPT_MRT_MOST,
	OPT_SENDERS,
	OPT_RECEIVERS,
	OPT_SAME,
	OPT_BOTH,
	OPT_FIRST_AS,
	OPT_NEXT6,
	OPT_SLOW,
	OPT_RATE,
	OPT_STUCK,
	OPT_LATER,
	OPT_PROBES,
	OPT_KEEPALIVE,
	OPT_MARK,
	OPT_PACED,
	OPT_TIMEOUT,
	OPT_SETTLE,
	OPT_NEXT_HOP,
	OPT_TRANSPARENT,
	OPT_MED,
	OPT_NO_PARTIAL,
	OPT_IGNORE
};

static const struct option options[] = { { "daemon", 1, NULL, OPT_DAEMON },
	{ "as", 1, NULL, OPT_AS }, { "local", 1, NULL, OPT_LOCAL },
	{ "relay", 1, NULL, OPT_RELAY }, { "fault", 1, NULL, OPT_FAULT },
	{ "port", 1, NULL, OPT_PORT }, { "hold", 1, NULL, OPT_HOLD },
	{ "routes", 1, NULL, OPT_ROUTES }, { "routes6", 1, NULL, OPT_ROUTES6 },
	{ "own", 1, NULL, OPT_OWN }, { "seed", 1, NULL, OPT_SEED },
	{ "mrt", 1, NULL, OPT_MRT }, { "mrt-peer", 1, NULL, OPT_MRT_PEER },
	{ "mrt-most", 1, NULL, OPT_MRT_MOST },
	{ "senders", 1, NULL, OPT_SENDERS },
	{ "receivers", 1, NULL, OPT_RECEIVERS }, { "same", 0, NULL, OPT_SAME },
	{ "both", 0, NULL, OPT_BOTH }, { "first-as", 1, NULL, OPT_FIRST_AS },
	{ "next6", 1, NULL, OPT_NEXT6 }, { "slow", 1, NULL, OPT_SLOW },
	{ "rate", 1, NULL, OPT_RATE }, { "stuck", 1, NULL, OPT_STUCK },
	{ "later", 1, NULL, OPT_LATER }, { "probes", 1, NULL, OPT_PROBES },
	{ "keepalive", 1, NULL, OPT_KEEPALIVE }, { "mark", 1, NULL, OPT_MARK },
	{ "paced", 0, NULL, OPT_PACED }, { "timeout", 1, NULL, OPT_TIMEOUT },
	{ "settle", 1, NULL, OPT_SETTLE },
	{ "next-hop", 1, NULL, OPT_NEXT_HOP },
	{ "transparent", 0, NULL, OPT_TRANSPARENT },
	{ "med", 0, NULL, OPT_MED }, { "no-partial", 0, NULL, OPT_NO_PARTIAL },
	{ "ignore", 1, NULL, OPT_IGNORE }, { NULL, 0, NULL, 0 } };

/* What was asked for, beside the plan. */
struct asked {
	const char *relay, *fault, *mrt;
	bool is_transparent;
	uint32_t routes, routes6, own, mrt_most;
	int mrt_peer;
	uint64_t seed;
};

static uint32_t
number(const char *text)
{
	char *rest;
	unsigned long value = strtoul(text, &rest, 10);

	if (*text < '0' || *text > '9' || *rest || value > UINT32_MAX) {
		fprintf(stderr, "bgpload: %s: no number\n", text);
		exit(2);
	}
	return (uint32_t)value;
}

static void
set_table(struct asked *asked, int option, const char *word)
{
	switch (option) {
	case OPT_ROUTES:
		asked->routes = number(word);
		break;
	case OPT_ROUTES6:
		asked->routes6 = number(word);
		break;
	case OPT_OWN:
		asked->own = number(word);
		break;
	case OPT_SEED:
		asked->seed = number(word);
		break;
	case OPT_MRT:
		asked->mrt = word;
		break;
	case OPT_MRT_PEER:
		asked->mrt_peer = (int)number(word);
		break;
	case OPT_MRT_MOST:
		asked->mrt_most = number(word);
		break;
	case OPT_RELAY:
		asked->relay = word;
		break;
	case OPT_FAULT:
		asked->fault = word;
		break;
	case OPT_TRANSPARENT:
		asked->is_transparent = true;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

static bool
set_rule(struct load_plan *plan, int option, const char *word)
{
	struct load_rules *rules = &plan->rules;

	switch (option) {
	case OPT_NEXT_HOP:
		plan->next_hop = word[0];
		return true;
	case OPT_MED:
		return rules->med = true;
	case OPT_NO_PARTIAL:
		rules->partial = false;
		return true;
	case OPT_IGNORE:
		rules->any_med |= strstr(word, "med") != NULL;
		rules->any_partial |= strstr(word, "partial") != NULL;
		rules->any_unknown |= strstr(word, "unknown") != NULL;
		return true;
	case OPT_SAME:
		return plan->same = true;
	case OPT_BOTH:
		return plan->both = true;
	case OPT_PACED:
		return plan->is_paced = true;
	}
	return false;
}

static bool
set_plan(struct load_plan *plan, int option, const char *word)
{
	struct {
		int option;
		unsigned *to;
	} numbers[] = { { OPT_AS, &plan->as },
		{ OPT_FIRST_AS, &plan->first_as },
		{ OPT_SENDERS, &plan->senders },
		{ OPT_RECEIVERS, &plan->receivers }, { OPT_SLOW, &plan->slow },
		{ OPT_RATE, &plan->slow_rate }, { OPT_STUCK, &plan->stuck },
		{ OPT_LATER, &plan->later }, { OPT_PROBES, &plan->probes },
		{ OPT_KEEPALIVE, &plan->keepalive }, { OPT_MARK, &plan->mark },
		{ OPT_TIMEOUT, &plan->timeout },
		{ OPT_SETTLE, &plan->settle_ms } };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].option == option) {
			*numbers[i].to = number(word);
			return true;
		}
	if (option == OPT_DAEMON)
		plan->daemon = word;
	else if (option == OPT_LOCAL)
		plan->local = word;
	else if (option == OPT_NEXT6)
		plan->next6 = word;
	else if (option == OPT_PORT)
		plan->port = (uint16_t)number(word);
	else if (option == OPT_HOLD)
		plan->hold = (uint16_t)number(word);
	else
		return set_rule(plan, option, word);
	return true;
}

static int
fill(struct load_table *table, const struct asked *asked)
{
	const char *why;
	FILE *file;
	int done;

	load_table_own(table, asked->own);
	if (asked->mrt == NULL) {
		load_table_make(table, 4, asked->routes, asked->seed);
		load_table_make(table, 6, asked->routes6, asked->seed);
		return 0;
	}
	file = strcmp(asked->mrt, "-") ? fopen(asked->mrt, "rb") : stdin;
	if (file == NULL) {
		perror(asked->mrt);
		return -1;
	}
	done = load_table_read(
	    table, file, asked->mrt_peer, asked->mrt_most, &why);
	if (done < 0)
		fprintf(stderr, "bgpload: %s: %s\n", asked->mrt, why);
	if (file != stdin)
		fclose(file);
	return done;
}

static bool
is_sound(const struct load_plan *plan)
{
	if (plan->daemon == NULL || plan->local == NULL || plan->as == 0 ||
	    plan->senders + plan->receivers == 0 || plan->step_count == 0 ||
	    (plan->senders == 0) != plan->own ||
	    (plan->slow && plan->slow_rate == 0) ||
	    plan->later + plan->slow + plan->stuck > plan->receivers)
		fputs(usage, stderr);
	else if (plan->both && plan->same)
		fputs("bgpload: --both wants a table that is split\n", stderr);
	else
		return true;
	return false;
}

int
main(int argc, char **argv)
{
	struct load_plan plan = { .port = 179,
		.hold = 90,
		.first_as = 65101,
		.senders = 1,
		.receivers = 1,
		.timeout = 60,
		.settle_ms = 200,
		.keepalive = 1,
		.next_hop = 'a',
		.rules = { .partial = true } };
	struct asked asked = { .mrt_peer = -1, .seed = 1 };
	struct load_table table = { 0 };
	struct rlimit files = { 65536, 65536 };
	int option, failed;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!set_plan(&plan, option, optarg))
			set_table(&asked, option, optarg);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	if (asked.relay != NULL)
		return load_relay(asked.relay, plan.port,
		    plan.as ? plan.as : 64512, plan.hold,
		    asked.fault ? asked.fault[0] : 0);
	plan.steps = argv + optind;
	plan.step_count = argc - optind;
	plan.own = asked.own > 0;
	plan.rules.as = asked.is_transparent ? 0 : plan.as;
	if (!is_sound(&plan) || fill(&table, &asked) < 0)
		return 2;
	failed = load_run(&table, &plan);
	load_table_free(&table);
	return failed;
}
