/* SPDX-License-Identifier: ISC */
/* Which interfaces carry addresses, and whether the kernel answers as well. */

/*
 * Pure. By name first: a list of expressions that leaves out what container
 * networks make, MetalLB's own as it stands, so that who migrates finds the same
 * interfaces. By what an interface is, only where it cannot do it. A veth is an
 * interface like any other. A slave speaks through its master, but for a VRF,
 * whose slaves are the interfaces.
 */

#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <regex.h>
#include <stdlib.h>

#include "netmsg.h"

/* Of linux/if.h, which does not stand beside libc's. */
#define OPERATION_UNKNOWN 0
#define OPERATION_UP	  6

static const char *const default_exclude[] = { "^docker.*", "^cbr.*",
	"^dummy.*", "^virbr.*", "^lxcbr.*", "^veth.*", "^lo$", "^cali.*",
	"^tunl.*", "^flannel.*", "^kube-ipvs.*", "^cni.*", "^nodelocaldns.*",
	"^lxc.*" };

struct list {
	regex_t *expressions;
	unsigned count;
};

struct picks {
	struct list allow, exclude;
};

static void
list_free(struct list *list)
{
	while (list->count > 0)
		regfree(&list->expressions[--list->count]);
	free(list->expressions);
	list->expressions = NULL;
}

/* 0, or -1 and in fault what the library says. */
static int
list_compile(struct list *list, const char *const *texts, unsigned count,
    char *fault, size_t size)
{
	int error;

	list->expressions = calloc(count + 1, sizeof(regex_t));
	while (list->expressions != NULL && list->count < count) {
		error = regcomp(&list->expressions[list->count],
		    texts[list->count], REG_EXTENDED | REG_NOSUB);
		if (error != 0) {
			regerror(error, &list->expressions[list->count], fault,
			    size);
			return -1;
		}
		list->count++;
	}
	return list->expressions == NULL ? -1 : 0;
}

static bool
list_matches(const struct list *list, const char *name)
{
	unsigned i;

	for (i = 0; i < list->count; i++) {
		if (regexec(&list->expressions[i], name, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

struct picks *
picks_new(const char *const *allow, unsigned allow_count,
    const char *const *exclude, unsigned exclude_count, const char **fault)
{
	static char text[160];
	struct picks *p = calloc(1, sizeof(*p));

	*fault = "no memory";
	if (p == NULL)
		return NULL;
	if (exclude == NULL) {
		exclude = default_exclude;
		exclude_count =
		    sizeof(default_exclude) / sizeof(default_exclude[0]);
	}
	text[0] = '\0';
	if (list_compile(&p->allow, allow, allow_count, text, sizeof(text)) ==
		-1 ||
	    list_compile(&p->exclude, exclude, exclude_count, text,
		sizeof(text)) == -1) {
		if (text[0] != '\0')
			*fault = text;
		picks_free(p);
		return NULL;
	}
	*fault = NULL;
	return p;
}

void
picks_free(struct picks *p)
{
	if (p == NULL)
		return;
	list_free(&p->allow);
	list_free(&p->exclude);
	free(p);
}

/* NULL, or why such a device can carry none, whatever its name. */
static const char *
nature(const struct link *l)
{
	if (l->flags & IFF_LOOPBACK)
		return "loopback";
	if (l->flags & IFF_POINTOPOINT)
		return "point-to-point";
	if (l->type != ARPHRD_ETHER || !l->has_mac)
		return "not-ethernet";
	if (l->flags & IFF_NOARP)
		return "no-arp";
	if (!(l->flags & IFF_BROADCAST))
		return "no-broadcast";
	return NULL;
}

const char *
picks_why_not(
    const struct picks *p, const struct link *l, const char *master_kind)
{
	const char *kind =
	    l->slave_kind[0] != '\0' ? l->slave_kind : master_kind;
	const char *why = nature(l);

	if (why != NULL)
		return why;
	if (list_matches(&p->exclude, l->name))
		return "excluded";
	if (p->allow.count > 0 && !list_matches(&p->allow, l->name))
		return "not-allowed";
	if (l->master != 0 && strcmp(kind, "vrf") != 0)
		return "has-master";
	if (!(l->flags & IFF_UP))
		return "down";
	/* Some drivers never say more than UNKNOWN. */
	if (l->operstate != OPERATION_UP && l->operstate != OPERATION_UNKNOWN)
		return "no-carrier";
	return NULL;
}

uint32_t
link_table(const struct link *master)
{
	return master != NULL && strcmp(master->kind, "vrf") == 0
		   ? master->table
		   : RT_TABLE_MAIN;
}

bool
link_shares_segment(const struct link *l)
{
	return l->parent != 0 && (strcmp(l->kind, "macvlan") == 0 ||
				     strcmp(l->kind, "macvtap") == 0 ||
				     strcmp(l->kind, "ipvlan") == 0);
}

bool
kernel_answers(uint8_t family, int asked, int on, int arp_ignore)
{
	/* ND answers for the addresses of the very interface. */
	if (family == 6 || arp_ignore == 1 || arp_ignore == 2)
		return asked == on;
	return arp_ignore != 8;
}
