/* SPDX-License-Identifier: ISC */
/* What the shows of layer 2 share. */
#ifndef L2_DISPLAY_H
#define L2_DISPLAY_H

#include "l2.h"

/* An answer under way. */
struct page {
	struct l2 *l2;
	const struct bgpd_host *host;
	struct bgpd_out *out;
	bool json;
};

/* "-" for what never was, or is not there. */
const char *display_ago(int64_t at_us, char text[KIT_AGE_TEXT]);
const char *display_or_none(const char *text);
bool display_addr(const char *word, struct bgpd_addr *addr);
void display_address_json(struct page *p, const struct duty *d,
    const char *name, const struct owners_explanation *why,
    const struct carrier_address_view *v);
/* `show l2 explain ADDR`; 0, or -1 after saying what is wrong. */
int display_explain(struct page *p, const struct bgpd_line *line);

#endif
