/* SPDX-License-Identifier: ISC */
/* The commands that concern a shell's session itself. */
#include <string.h>

#include "cli/out.h"
#include "cli/read.h"
#include "config.h"
#include "shell.h"

static int
configure_run(struct cli_call *call)
{
	session_configure(call_session(call), true);
	return 0;
}

static int
end_run(struct cli_call *call)
{
	session_configure(call_session(call), false);
	return 0;
}

static int
exit_run(struct cli_call *call)
{
	session_leave(call_session(call));
	return 0;
}

static int
nothing_run(struct cli_call *call)
{
	(void)call;
	return 0;
}

static int
monitor_run(struct cli_call *call)
{
	session_monitor(call_session(call), !call_has(call, "no"));
	return 0;
}

static int
echo_run(struct cli_call *call)
{
	out_print(call_out(call), "%s\n", call_arg(call, "TEXT"));
	return 0;
}

static void
who_line(void *arg, const struct session *s, unsigned number,
    const struct cli_node_type *mode)
{
	struct cli_call *call = arg;

	out_print(call_out(call), "%c session %u, %s\n",
	    s == call_session(call) ? '*' : ' ', number,
	    mode != NULL ? mode->name : "enable mode");
}

static int
who_run(struct cli_call *call)
{
	session_each(who_line, call);
	return 0;
}

/* "[name]" of the mode, in the page of all rows. */
static bool
is_section(const char *line, const char *name)
{
	size_t len = strlen(name);

	return line[0] == '[' && strncmp(line + 1, name, len) == 0 &&
	       strcmp(line + 1 + len, "]") == 0;
}

static int
list_run(struct cli_call *call)
{
	const struct cli_node_type *mode = session_mode(call_session(call));
	const char *name = mode != NULL ? mode->name : "enable";
	struct text all = { 0 };
	char *line, *rest;
	bool here = false;

	cli_print_rows(config_cli(), &all);
	rest = all.s;
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (line[0] == '[' && strchr(line, '\t') == NULL)
			here = is_section(line, name);
		else if (here && *line != '\0')
			out_print(call_out(call), "  %.*s\n",
			    (int)strcspn(line, "\t"), line);
	}
	text_free(&all);
	return 0;
}

static const struct cli_row shell_rows[] = {
	RUN("configure [terminal]", configure_run, "Change the configuration"),
	RUN("enable", nothing_run, "Every session may do everything"),
	RUN("disable", nothing_run, "Every session may do everything"),
	RUN_WITH("exit", exit_run, CLI_ANYWHERE, "Leave this mode"),
	RUN_WITH("quit", exit_run, CLI_ANYWHERE, "Leave this mode"),
	RUN_WITH("end", end_run, CLI_ANYWHERE, "Leave the configuration"),
	RUN("terminal [no] monitor", monitor_run, "See the log as it is said"),
	RUN("no terminal monitor", monitor_run, "See the log no more"),
	RUN("terminal length N", nothing_run, "Lines of a page; 0: no pager"),
	RUN("who", who_run, "List the shell sessions"),
	RUN("echo TEXT", echo_run, "Say it"),
	RUN_WITH("list", list_run, CLI_ANYWHERE, "List the rows of this mode"),
	HELP("terminal", "This terminal"),
	ROWS_END,
};

const struct cli_mount shell_mounts[] = {
	{ NULL, shell_rows, NULL },
};
const unsigned shell_mount_count =
    sizeof(shell_mounts) / sizeof(shell_mounts[0]);
