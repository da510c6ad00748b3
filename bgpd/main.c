/* SPDX-License-Identifier: ISC */
/* Starts and stops the house. */

/*
 * Up: the command line, the configuration (a fault ends it here), the floors
 * from the bottom, the sockets, the user, and only then what sessions and
 * plugins do. Down, on SIGTERM: neighbours are told and plugins hand over at the
 * same time; when both are done, or late, the floors go from the top.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "announce/announce.h"
#include "bfd/bfd.h"
#include "config.h"
#include "host.h"
#include "net/net.h"
#include "peer/peer.h"
#include "rib/rib.h"
#include "shell.h"
#include "util/log.h"
#include "util/mem.h"
#include "web/web.h"

#define BGP_PORT      179
#define LISTEN_MAX    16
#define TRIM_MS	      1000
#define TRIM_LATE_MS  5000
#define TRIM_WORK_US  10000 /* less frees little */
#define TRIM_BUSY_MS  250   /* that much work in less time puts it off */
#define HAND_OVER_MS  3000  /* for plugins; peers_stop has a limit of its own */
#define EXIT_FAULT    1
#define EXIT_USAGE    2
#define DEFAULT_FILE  FAIRWAY_SYSCONFDIR "/fairway/bgpd.conf"
#define DEFAULT_LOCAL FAIRWAY_RUNDIR "/fairway/bgpd.sock"

/* The command line --------------------------------------------------------- */

struct options {
	const char *file;
	const char *socket;
	const char *pid_file;
	const char *user;
	struct addr addrs[LISTEN_MAX];
	unsigned addr_count;
	uint16_t port;
	bool check;
	bool background;
	bool version, help, rows;
};

/* A row says how an option is taken, and into which member. */
struct row {
	char letter;
	const char *name;
	const char *value; /* NULL: takes none */
	int (*take)(
	    struct options *o, const struct row *row, const char *value);
	size_t member;
	const char *help; /* NULL: not spoken of */
};

static int
take_string(struct options *o, const struct row *row, const char *value)
{
	*(const char **)((char *)o + row->member) = value;
	return 0;
}

static int
take_flag(struct options *o, const struct row *row, const char *value)
{
	(void)value;
	*(bool *)((char *)o + row->member) = true;
	return 0;
}

static int
take_port(struct options *o, const struct row *row, const char *value)
{
	uint64_t port;

	(void)row;
	if (text_read_u64(value, 0, UINT16_MAX, &port) < 0)
		return -1;
	o->port = (uint16_t)port;
	return 0;
}

static int
take_addr(struct options *o, const struct row *row, const char *value)
{
	(void)row;
	if (o->addr_count == LISTEN_MAX ||
	    addr_read(value, &o->addrs[o->addr_count]) < 0)
		return -1;
	o->addr_count++;
	return 0;
}

static int
take_directory(struct options *o, const struct row *row, const char *value)
{
	(void)o;
	(void)row;
	plugins_add_directory(value);
	return 0;
}

#define AT(member) offsetof(struct options, member)
#define ON(letter, name, member, help)                                         \
	{                                                                      \
		letter, name, NULL, take_flag, AT(member), help                \
	}
#define SAID(letter, name, value, member, help)                                \
	{                                                                      \
		letter, name, value, take_string, AT(member), help             \
	}
static const struct row rows[] = {
	SAID('f', "file", "FILE", file, "default " DEFAULT_FILE),
	ON('C', "check", check, "name the file's faults and exit"),
	ON('d', "daemon", background, "go to the background"),
	SAID('i', "pid-file", "FILE", pid_file, "write the process id here"),
	SAID('s', "socket", "PATH", socket, "default " DEFAULT_LOCAL),
	{ 'p', "port", "PORT", take_port, 0, "default 179; 0: never listen" },
	{ 'l', "listen", "ADDR", take_addr, 0, "on this alone; repeatable" },
	{ 'L', "plugins", "DIR", take_directory, 0,
	    "before " FAIRWAY_PLUGINDIR "; repeatable" },
	SAID('u', "user", "USER", user, "become this user"),
	ON('v', "version", version, "print the version and exit"),
	ON('h', "help", help, "print this and exit"),
	ON('R', "rows", rows, NULL), /* for the manual page */
};
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

static void
print_help(void)
{
	const struct row *row;
	char form[32];

	puts("usage: bgpd [option ...]");
	for (row = rows; row < rows + ROW_COUNT && row->help; row++) {
		snprintf(form, sizeof(form), "--%s%s%s", row->name,
		    row->value != NULL ? " " : "",
		    row->value != NULL ? row->value : "");
		printf("  -%c, %-16s %s\n", row->letter, form, row->help);
	}
}

static const struct row *
row_find(int letter)
{
	size_t i;

	for (i = 0; i < ROW_COUNT; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

/* The rows in getopt's two languages. */
static void
rows_to_getopt(char *letters, struct option *names)
{
	size_t i;

	for (i = 0; i < ROW_COUNT; i++) {
		*letters++ = rows[i].letter;
		if (rows[i].value != NULL)
			*letters++ = ':';
		names[i].name = rows[i].name;
		names[i].has_arg = rows[i].value != NULL;
		names[i].val = rows[i].letter;
	}
	*letters = '\0';
}

static int
options_read(struct options *o, int argc, char **argv)
{
	struct option names[ROW_COUNT + 1] = { 0 };
	char letters[2 * ROW_COUNT + 1];
	const struct row *row;
	int letter;

	rows_to_getopt(letters, names);
	while ((letter = getopt_long(argc, argv, letters, names, NULL)) >= 0) {
		row = row_find(letter);
		if (row == NULL)
			return -1; /* getopt has said why */
		if (row->take(o, row, optarg) < 0) {
			fprintf(stderr, "bgpd: -%c %s: not a good %s\n",
			    row->letter, optarg, row->value);
			return -1;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(
	    stderr, "bgpd: %s: not understood, see bgpd -h\n", argv[optind]);
	return -1;
}

/* Up ----------------------------------------------------------------------- */

struct house {
	struct options options;
	struct loop *loop;
	struct bfd *bfd;
	struct rib *rib;
	struct announce *announce;
	struct peers *peers;
	struct web *web;
	struct timer *late, *trim;
	int64_t trim_by_ms;
	int64_t worked_ms;
	bool is_stopping, again; /* again: it starts anew */
	unsigned waits;		 /* for neighbours, for plugins */
};

/* 0, or -1 when there is nothing to run; faults are told either way. */
static int
house_read_config(const struct options *o)
{
	struct cli_fault_list faults = { 0 };
	struct text told = { 0 };
	int result = config_open(o->file, &faults);

	cli_faults_print(&faults, &told);
	fputs(text_str(&told), stderr);
	text_free(&told);
	cli_faults_clear(&faults);
	return result;
}

/* The sockets before the user: their ports may be root's. */
static int
house_open_sockets(struct house *h, struct text *why)
{
	const struct options *o = &h->options;

	if (o->pid_file != NULL && process_write_pid(o->pid_file, why) < 0)
		return -1;
	if (shell_start(h->loop, o->socket, why) < 0)
		return -1;
	/* A warning each, where a port is taken: dialling goes on. */
	(void)peers_listen(h->peers, o->addrs, o->addr_count, o->port);
	if (o->user != NULL && process_set_user(o->user, why) < 0)
		return -1;
	return 0;
}

/* In the background nobody reads stderr: syslog, unless a line says else. */
static void
house_apply_log(const struct house *h)
{
	if (h->options.background &&
	    log_get_level(LOG_SYSLOG) == LOG_LEVEL_OFF &&
	    log_get_level(LOG_FILE) == LOG_LEVEL_OFF)
		log_set_level(LOG_SYSLOG, LOG_LEVEL_INFO);
}

/* The top floor; what guests tell it comes by way of the roof. */
static void
house_open_web(struct house *h)
{
	const struct web_house all = {
		.loop = h->loop,
		.bfd = h->bfd,
		.rib = h->rib,
		.peers = h->peers,
		.announce = h->announce,
		.add_metrics = report_metrics,
		.add_reasons = report_reasons,
	};

	h->web = web_new(&all);
	web_show_bind(h->web);
}

static int
house_open(struct house *h)
{
	struct text why = { 0 };
	int result;

	config_start_log();
	house_apply_log(h);
	h->loop = loop_new();
	if (h->loop == NULL)
		return -1;
	h->bfd = bfd_new(h->loop);
	if (h->bfd == NULL)
		return -1;
	bfd_bind_shows(h->bfd);
	h->rib = rib_new();
	h->announce = announce_new(h->rib);
	h->peers = peers_new(h->loop, h->rib);
	peers_set_bfd(h->peers, h->bfd);
	peers_bind_shows(h->peers);
	announce_show_bind(h->announce);
	house_open_web(h);
	result = house_open_sockets(h, &why);
	if (result < 0)
		log_error("main", "%s", text_str(&why));
	text_free(&why);
	return result;
}

/* Down --------------------------------------------------------------------- */

static void
house_close(struct house *h)
{
	plugins_close();
	web_show_bind(NULL);
	web_free(h->web);
	if (h->peers != NULL) {
		shell_stop();
		peers_free(h->peers);
		announce_free(h->announce);
	}
	bfd_bind_shows(NULL);
	bfd_free(h->bfd);
	config_free();
	if (h->rib != NULL)
		rib_free(h->rib);
	timer_free(h->late);
	timer_free(h->trim);
	loop_free(h->loop);
	process_remove_pid();
}

static void
on_stopped(void *arg)
{
	struct house *h = arg;

	if (--h->waits == 0)
		loop_stop(h->loop);
}

static void
on_late(void *arg)
{
	struct house *h = arg;

	log_warning("main", "a plugin did not hand over in time");
	loop_stop(h->loop);
}

static void
on_stop_signal(void *arg, int signo)
{
	struct house *h = arg;

	/* What was to begin anew ends. */
	if (h->is_stopping && h->again && signo != SIGUSR2) {
		log_notice("main", "%s: stopping after all", strsignal(signo));
		h->again = false;
		return;
	}
	if (h->is_stopping) {
		log_notice(
		    "main", "%s again: ending at once", strsignal(signo));
		unlink(h->options.socket);
		process_remove_pid();
		_exit(0);
	}
	log_notice("main", "%s: %s", strsignal(signo),
	    h->again ? "restarting" : "stopping");
	h->is_stopping = true;
	report_stopping();
	h->waits = 2;
	h->late = timer_new(h->loop, on_late, h);
	timer_start(h->late, HAND_OVER_MS);
	peers_stop(h->peers, NULL, on_stopped, h);
	plugins_prepare_stop(h->again, on_stopped, h);
}

/* Guests tell their peers to wait, and nothing moves. */
static void
on_restart_signal(void *arg, int signo)
{
	struct house *h = arg;
	struct text why = { 0 };

	if (h->is_stopping)
		log_notice("main", "%s: stopping already", strsignal(signo));
	else if (process_can_restart(&why) < 0)
		log_error("main", "%s", text_str(&why));
	else {
		h->again = true;
		on_stop_signal(h, signo);
	}
	text_free(&why);
}

/*
 * A moment after there was something to do: an idle process sleeps on, and one
 * that is busy looks for what is free once in a while.
 */
static void
on_work(void *arg)
{
	struct house *h = arg;
	int64_t now_ms = loop_now_ms(h->loop);
	bool is_on = timer_is_on(h->trim);
	bool is_busy = now_ms - h->worked_ms < TRIM_BUSY_MS;

	h->worked_ms = now_ms;
	if (!is_on)
		h->trim_by_ms = now_ms + TRIM_LATE_MS;
	if (!is_on || (is_busy && now_ms + TRIM_MS <= h->trim_by_ms))
		timer_start(h->trim, TRIM_MS);
}

static void
on_trim(void *arg)
{
	static bool started;
	const struct house *h = arg;

	loop_is_no_work(h->loop);
	mem_trim();
	if (!started)
		mem_drop_code();
	started = true;
}

static void
on_reload_signal(void *arg, int signo)
{
	const struct house *h = arg;

	(void)signo;
	if (h->is_stopping)
		return;
	(void)config_reload();
	house_apply_log(h);
	shell_check();
}

static void
house_run(struct house *h)
{
	loop_signal(h->loop, SIGTERM, on_stop_signal, h);
	loop_signal(h->loop, SIGINT, on_stop_signal, h);
	loop_signal(h->loop, SIGHUP, on_reload_signal, h);
	loop_signal(h->loop, SIGUSR2, on_restart_signal, h);
	process_hold_signals(false);
	config_run(h->loop, h->bfd, h->rib, h->peers, h->announce, h->web);
	house_apply_log(h);
	h->trim = timer_new(h->loop, on_trim, h);
	timer_start(h->trim, TRIM_MS);
	loop_after_work(h->loop, TRIM_WORK_US, on_work, h);
	log_notice("main", "%s %s runs, process %d", PACKAGE_NAME,
	    PACKAGE_VERSION, (int)getpid());
	process_ready();
	loop_run(h->loop);
	process_hold_signals(true);
	log_notice("main", "stopped");
}

static int
house_go_back(void)
{
	if (process_daemonize() < 0) {
		log_error(
		    "main", "cannot go to the background: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static void
print_rows(void)
{
	struct text out = { 0 };

	cli_print_rows(config_cli(), &out);
	fputs(text_str(&out), stdout);
	text_free(&out);
}

/* Was a question all there was? */
static bool
house_answer(const struct options *o)
{
	if (o->version)
		puts("bgpd (" PACKAGE_NAME ") " PACKAGE_VERSION);
	else if (o->help)
		print_help();
	else if (o->rows)
		print_rows();
	return o->version || o->help || o->rows;
}

/* The exit status. */
static int
house_live(struct house *h)
{
	const struct options *o = &h->options;
	bool was_restarted = process_was_restarted();

	if (house_answer(o))
		return 0;
	if (o->background && !o->check && !was_restarted && house_go_back() < 0)
		return EXIT_FAULT;
	process_hold_signals(true);
	if (house_read_config(o) < 0)
		return EXIT_FAULT;
	if (o->check)
		return 0;
	if (house_open(h) < 0)
		return EXIT_FAULT;
	house_run(h);
	return 0;
}

int
main(int argc, char **argv)
{
	struct house house = { .options = {
				   .file = DEFAULT_FILE,
				   .socket = DEFAULT_LOCAL,
				   .port = BGP_PORT,
			       } };
	int status;

	if (options_read(&house.options, argc, argv) < 0)
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);
	config_init();
	status = house_live(&house);
	house_close(&house);
	if (house.again && process_restart(argv) < 0)
		status = EXIT_FAULT;
	return status;
}
