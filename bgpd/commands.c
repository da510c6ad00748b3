/* SPDX-License-Identifier: ISC */
/* The table of contents of the language: every floor's rows, and the top's own. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "announce/announce.h"
#include "bfd/bfd.h"
#include "cli/out.h"
#include "cli/read.h"
#include "config.h"
#include "host.h"
#include "net/net.h"
#include "peer/peer.h"
#include "policy/policy.h"
#include "rib/rib.h"
#include "shell.h"
#include "util/log.h"
#include "util/mem.h"
#include "web/web.h"

/* settings: hostname and log --------------------------------------------------- */

struct hostname {
	struct cli_node node;
	const char *name;
};

static const struct cli_node_type hostname_type = {
	.name = "hostname",
	.form = CLI_ENTRY,
	.size = sizeof(struct hostname),
};

/* One log line per sink; `log file` has a path too. */
struct log_line {
	struct cli_node node;
	const char *path;
	uint8_t level;
};

#define LEVELS                                                                 \
	"errors|warnings|notifications|informational|debugging|emergencies|"   \
	"alerts|critical|off"
#define LOG_LEVELS                                                             \
	CLI_FIELD(LEVELS, cli_choice, log_line, level, "informational", 0, 0)

static const int level_of[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_ERROR,
	LOG_LEVEL_ERROR, LOG_LEVEL_ERROR, LOG_LEVEL_OFF };

#define LOG_TYPE(type_name, words)                                             \
	static const struct cli_node_type type_name = {                        \
		.name = words,                                                 \
		.form = CLI_ENTRY,                                             \
		.size = sizeof(struct log_line),                               \
	}
LOG_TYPE(log_stderr_type, "log stdout");
LOG_TYPE(log_syslog_type, "log syslog");
LOG_TYPE(log_monitor_type, "log monitor");
LOG_TYPE(log_file_type, "log file");
LOG_TYPE(log_json_type, "log json");

static const struct {
	const struct cli_node_type *type;
	enum log_sink sink;
	int level; /* without a line */
} log_lines[] = {
	{ &log_stderr_type, LOG_STDERR, LOG_LEVEL_INFO },
	{ &log_syslog_type, LOG_SYSLOG, LOG_LEVEL_OFF },
	{ &log_monitor_type, LOG_MONITOR, LOG_LEVEL_DEBUG },
	{ &log_file_type, LOG_FILE, LOG_LEVEL_OFF },
};

struct line_vty {
	struct cli_node node;
};

static const struct cli_node_type line_vty_type = {
	.name = "line vty",
	.form = CLI_MODE,
	.size = sizeof(struct line_vty),
	.prompt = "config-line",
};

static const struct cli_row root_rows[] = {
	NODE("hostname NAME",
	    CLI_FIELDS(
		CLI_FIELD("NAME", cli_word, hostname, name, NULL, 1, 64)),
	    hostname_type, CLI_ONE, "This router's name, for prompt and OPEN"),
	NODE("log stdout [(" LEVELS ")]", CLI_FIELDS(LOG_LEVELS),
	    log_stderr_type, CLI_ONE, "Log to standard error"),
	NODE("log syslog [(" LEVELS ")]", CLI_FIELDS(LOG_LEVELS),
	    log_syslog_type, CLI_ONE, "Log to syslog"),
	NODE("log monitor [(" LEVELS ")]", CLI_FIELDS(LOG_LEVELS),
	    log_monitor_type, CLI_ONE, "What `terminal monitor` shows"),
	NODE("log file PATH [(" LEVELS ")]",
	    CLI_FIELDS(
		CLI_FIELD("PATH", cli_word, log_line, path, NULL, 1, 255),
		LOG_LEVELS),
	    log_file_type, CLI_ONE, "Log to a file, appended to"),
	NODE("log json", NULL, log_json_type, CLI_ONE,
	    "Log lines on standard error and in the file as JSON"),
	HELP("log", "Where the log goes, and from which level on"),
	NODE("line vty", NULL, line_vty_type, CLI_ONE | CLI_IF_ANY,
	    "The shell's lines: access is by the control socket's mode"),
	IGNORE("frr TEXT", "frr lines mean nothing here"),
	IGNORE("service TEXT", "service lines mean nothing here"),
	IGNORE("agentx", "there is no SNMP here"),
	IGNORE("password TEXT", "the shell is reached by its socket alone"),
	IGNORE("enable password TEXT", "the shell has no enable password"),
	IGNORE("banner TEXT", "the shell has no banner"),
	IGNORE("domainname NAME", "the domain name is not used"),
	IGNORE("ip forwarding", "forwarding is the kernel's: sysctl"),
	IGNORE("ipv6 forwarding", "forwarding is the kernel's: sysctl"),
	IGNORE("log facility TEXT", "the facility is daemon"),
	IGNORE("log timestamp TEXT", "time stamps have milliseconds"),
	IGNORE("log record-priority", "every line has its level"),
	IGNORE("log commands", "commands are always logged at level debug"),
	IGNORE("debug TEXT", "use `log ... debugging`"),
	IGNORE("ip nht TEXT", "there is no next-hop tracking here yet"),
	HELP("ip", "IPv4 lists"),
	HELP("ipv6", "IPv6 lists"),
	HELP("bgp", "BGP lists"),
	ROWS_END,
};

static const struct cli_row vty_rows[] = {
	IGNORE("exec-timeout TEXT", "shell sessions do not time out"),
	IGNORE("login", "the shell is reached by its socket alone"),
	IGNORE("access-class TEXT", "the shell is reached by its socket alone"),
	ROWS_END,
};

static char hostname[65];

const char *
settings_hostname(void)
{
	return hostname;
}

static void
hostname_apply(const struct cli_node *root)
{
	const struct hostname *line =
	    (const void *)cli_next(root, &hostname_type, NULL);

	memset(hostname, 0, sizeof(hostname));
	if (line != NULL)
		strncpy(hostname, line->name, sizeof(hostname) - 1);
	else if (gethostname(hostname, sizeof(hostname) - 1) == -1)
		strncpy(hostname, "bgpd", sizeof(hostname) - 1);
}

/* Opens it anew each time, so that SIGHUP after a rotation does the right thing. */
static void
log_file_apply(const struct log_line *line)
{
	static int fd = -1;
	struct text why = { 0 };
	int old = fd;

	fd = line != NULL ? process_open_log(line->path, &why) : -1;
	if (line != NULL && fd == -1)
		log_error("config", "log file: %s", text_str(&why));
	log_set_file(fd);
	if (old != -1)
		close(old);
	text_free(&why);
}

void
settings_apply(const struct cli_node *root)
{
	const struct log_line *line;
	size_t i;

	hostname_apply(root);
	for (i = 0; i < sizeof(log_lines) / sizeof(log_lines[0]); i++) {
		line = (const void *)cli_next(root, log_lines[i].type, NULL);
		log_set_level(log_lines[i].sink,
		    line != NULL ? level_of[line->level] : log_lines[i].level);
		if (log_lines[i].sink == LOG_FILE)
			log_file_apply(line);
	}
	log_set_json(cli_next(root, &log_json_type, NULL) != NULL);
}

/* shows and writes of the top ------------------------------------------------------ */

static int
version_show(struct cli_call *call)
{
	struct out *out = call_out(call);

	out_print(
	    out, "Fairway bgpd %s (%s)\n", PACKAGE_VERSION, config_hostname());
	out_object(out, NULL);
	out_string(out, "version", PACKAGE_VERSION);
	out_string(out, "hostname", config_hostname());
	out_int(out, "pluginInterface", BGPD_ABI >> 16);
	out_close(out);
	return 0;
}

static void
line_show(void *arg, const char *line)
{
	out_print(arg, "%s\n", line);
	out_string(arg, NULL, line);
}

static int
logging_show(struct cli_call *call)
{
	static const char *const names[] = { "stderr", "syslog", "file",
		"monitor" };
	struct out *out = call_out(call);
	int i, level;

	out_object(out, NULL);
	for (i = 0; i < LOG_SINK_COUNT; i++) {
		level = log_get_level(i);
		out_print(out, "Logging to %s: %s\n", names[i],
		    level == LOG_LEVEL_OFF ? "off" : log_level_name(level));
		out_string(out, names[i],
		    level == LOG_LEVEL_OFF ? "off" : log_level_name(level));
	}
	out_print(out, "The last lines:\n");
	out_array(out, "lines");
	log_each(line_show, out);
	out_close(out);
	out_close(out);
	return 0;
}

/* A text line by line: as it stands, or as an array. */
static void
text_show(struct out *out, struct text *text)
{
	char *line, *rest = text->s;

	out_object(out, NULL);
	out_array(out, "lines");
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (rest != NULL || *line != '\0')
			line_show(out, line);
	}
	out_close(out);
	out_close(out);
	text_free(text);
}

static int
running_show(struct cli_call *call)
{
	struct text text = { 0 };

	config_print(&text);
	text_show(call_out(call), &text);
	return 0;
}

static int
write_run(struct cli_call *call)
{
	struct text why = { 0 };
	int status = config_write(&why);

	if (status == -1)
		call_fail(call, "%s", text_str(&why));
	else
		out_print(call_out(call), "Configuration saved\n");
	text_free(&why);
	return status;
}

/* By the signal, so that it is one way for both. */
static int
restart_run(struct cli_call *call)
{
	struct text why = { 0 };
	int status = process_can_restart(&why);

	if (status == -1)
		call_fail(call, "%s", text_str(&why));
	else {
		out_print(call_out(call), "bgpd restarts\n");
		kill(getpid(), SIGUSR2);
	}
	text_free(&why);
	return status;
}

static const struct cli_row top_rows[] = {
	RUN("show version", version_show, "Which bgpd this is"),
	RUN("show logging", logging_show, "Where the log goes; its last lines"),
	RUN_WITH("show running-config", running_show, CLI_ANYWHERE,
	    "The configuration, with what plugins added"),
	RUN_WITH("write terminal", running_show, CLI_ANYWHERE,
	    "The same as show running-config"),
	RUN_WITH("write [(memory|file)]", write_run, CLI_ANYWHERE,
	    "Save the configuration"),
	RUN("copy running-config startup-config", write_run,
	    "Save the configuration"),
	RUN("restart", restart_run,
	    "Begin anew in this process; plugins tell their peers to wait"),
	HELP("show", "Show what is running"),
	HELP("clear", "Reset or refresh sessions"),
	HELP("write", "Save or print the configuration"),
	HELP("copy", "Save the configuration"),
	ROWS_END,
};

/* the table of contents ------------------------------------------------------------- */

static const struct cli_mount top_mounts[] = {
	{ NULL, top_rows, NULL },
	{ &cli_root, root_rows, NULL },
	{ &line_vty_type, vty_rows, NULL },
	{ &family_type, announce_family_rows, NULL },
	{ &family_type, rib_family_rows, NULL },
};
static const unsigned top_mount_count =
    sizeof(top_mounts) / sizeof(top_mounts[0]);

const struct cli_mount *const config_mounts[] = {
	top_mounts,
	bfd_mounts,
	policy_mounts,
	peer_mounts,
	announce_mounts,
	web_mounts,
	plugin_mounts,
	shell_mounts,
};
const unsigned *const config_mount_counts[] = {
	&top_mount_count,
	&bfd_mount_count,
	&policy_mount_count,
	&peer_mount_count,
	&announce_mount_count,
	&web_mount_count,
	&plugin_mount_count,
	&shell_mount_count,
};
const unsigned config_mount_lists =
    sizeof(config_mounts) / sizeof(config_mounts[0]);
