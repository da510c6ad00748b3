/* SPDX-License-Identifier: ISC */
/* Sessions of shells on the control socket. */
#ifndef BGPD_SHELL_H
#define BGPD_SHELL_H

#include "cli/cli.h"
#include "util/text.h"

struct loop;

/* Listens at the path; -1 with why. */
int shell_start(struct loop *loop, const char *path, struct text *why);
void shell_check(void); /* makes the socket again where it is gone */
/* Ends every session and removes the socket. */
void shell_stop(void);

/* What the rows of terminal.c ask of the session they were typed in. */
struct session;
/* The configuration mode it stands in; NULL: enable mode. */
const struct cli_node_type *session_mode(const struct session *s);
void session_configure(struct session *s, bool on);
void session_leave(struct session *s); /* one mode up; out of the shell */
void session_monitor(struct session *s, bool on);
void session_each(void (*each)(void *arg, const struct session *s,
		      unsigned number, const struct cli_node_type *mode),
    void *arg);

/* terminal.c: configure, exit, terminal, who ---------------------------------- */

extern const struct cli_mount shell_mounts[];
extern const unsigned shell_mount_count;

#endif
