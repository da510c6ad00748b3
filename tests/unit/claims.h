/* SPDX-License-Identifier: ISC */
/* What the tests of the allocator share: pools, addresses and claims by words. */
#ifndef TESTS_CLAIMS_H
#define TESTS_CLAIMS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../plugins/k8s/pools.h"

#define POOL(name, addresses, more)                                            \
	"- {name: " name ", protocol: layer2, addresses: [" addresses "]" more \
	"}\n"

static const struct object_port http
    __attribute__((unused)) = { 80, PROTOCOL_TCP, 0 };
static const struct object_port https
    __attribute__((unused)) = { 443, PROTOCOL_TCP, 0 };
static const struct object_port http3
    __attribute__((unused)) = { 443, PROTOCOL_UDP, 0 };

static inline struct config *
config_must(const char *pools)
{
	struct report report = { 0 };
	struct config *config;
	char text[2048];

	snprintf(text, sizeof(text), "address-pools:\n%s", pools);
	config = config_read(text, strlen(text), &report);
	if (config == NULL)
		print_error("%s", report.errors);
	assert_non_null(config);
	report_clear(&report);
	return config;
}

static inline struct bgpd_addr
addr_must(const char *text)
{
	struct bgpd_addr addr;

	assert_true(tree_addr(text, &addr));
	return addr;
}

static inline struct alloc_claim
claim_of(
    const char *service, const char *sharing, const struct object_port *port)
{
	return (struct alloc_claim){ .service = service,
		.sharing = sharing,
		.ports = port,
		.port_count = 1 };
}

static inline int
take(struct alloc *alloc, const struct alloc_claim *claim, const char *text)
{
	struct bgpd_addr addr = addr_must(text);

	return alloc_take(alloc, claim, &addr);
}

/* Gives the claim any address, which must be this one; NULL: none. */
#define any_must(alloc, claim, text) any_must_at(alloc, claim, text, __LINE__)

static inline void
any_must_at(struct alloc *alloc, const struct alloc_claim *claim,
    const char *text, int line)
{
	struct bgpd_addr addr;
	char out[ADDR_LEN] = "none";

	if (text == NULL)
		text = "none";
	if (alloc_any(alloc, claim, &addr) == 0)
		addr_text(&addr, out);
	if (strcmp(out, text) != 0)
		fail_msg("line %d: %s, not %s (%s)", line, out, text,
		    alloc_why(alloc));
}

#define why_must(alloc, words)                                                 \
	do {                                                                   \
		if (strstr(alloc_why(alloc), words) == NULL)                   \
			fail_msg("%s", alloc_why(alloc));                      \
	} while (0)

#endif
