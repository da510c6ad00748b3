/* SPDX-License-Identifier: ISC */
/* Old configuration to new: layers, one candidate, the smallest change. */
#ifndef BGPD_CONFIG_H
#define BGPD_CONFIG_H

#include "cli/cli.h"
#include "util/text.h"

struct announce;
struct bfd;
struct loop;
struct peers;
struct policy;
struct rib;
struct web;

/*
 * The configuration is a stack of layers: the file's (which the shell edits) and
 * one per plugin. Every change of any layer takes one path: a new tree is made of
 * all layers, checked as a whole, and only then compared with the running one.
 */

/* Builds the language out of all floors' rows. Once, before all else. */
void config_init(void);
void config_free(void);

/*
 * Reads the file as the first candidate, with the plugins that it names. 0, or
 * -1 with every fault; then there is nothing to run. A file that does not exist is
 * a fault. Warnings may be there either way.
 */
int config_open(const char *file, struct cli_fault_list *faults);
/* The candidate's log lines, before there is anything to say. */
void config_start_log(void);
/* Takes the candidate into these floors; from here on changes apply at once. */
void config_run(struct loop *loop, struct bfd *bfd, struct rib *rib,
    struct peers *peers, struct announce *announce, struct web *web);
/* Reads the file again: all or nothing; the log says what was wrong. 0 or -1. */
int config_reload(void);

/* The language, the file's layer, all layers merged. */
struct cli *config_cli(void);
const struct cli_tree *config_file_tree(void);
const struct cli_tree *config_tree(void);
const char *config_hostname(void);

/*
 * One line of a shell in a configuration mode; it applies at once. The place
 * then stands in the new tree. -1 with faults: nothing has changed.
 */
int config_edit(
    struct cli_place *place, const char *line, struct cli_fault_list *faults);
/* Saves the file's layer, mode 0600. */
int config_write(struct text *why);
/* As running: the file's lines, then each plugin's as comments; masked. */
void config_print(struct text *out);
/* Only the file's layer, with its secrets: what config_write saves. */
void config_print_file(struct text *out);

/* A plugin's layer in place of its last one: see bgpd_host.overlay. */
int config_overlay(const char *owner, const char *lines,
    void (*on_fault)(void *arg, unsigned line, const char *text), void *arg);

/* origin.c: network and aggregate-address lines --------------------------------- */

/* What no floor alone can know of them: families, names of route maps. */
void origin_check(const struct cli_tree *tree, struct cli_fault_list *faults);
/* Hands all of them to announce/ and rib/, which touch what differs. */
void origin_apply(const struct cli_tree *tree, const struct policy *policy,
    struct rib *rib, struct announce *announce, struct peers *peers);

/* commands.c: the table of contents ------------------------------------------- */

extern const struct cli_mount *const config_mounts[];
extern const unsigned *const config_mount_counts[];
extern const unsigned config_mount_lists;
/* What the settings of the top say (hostname, log): applied at once. */
void settings_apply(const struct cli_node *root);
const char *settings_hostname(void);

#endif
