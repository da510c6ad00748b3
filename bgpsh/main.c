/* SPDX-License-Identifier: ISC */
/* The terminal of bgpd: a dialogue, commands of its arguments, or a script. */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgpsh.h"

#define EXIT_FAULT 1 /* a line failed */
#define EXIT_USAGE 2
#define EXIT_GONE  3 /* no daemon */

volatile sig_atomic_t was_interrupted, was_suspended;

struct options {
	const char *socket;
	char **commands;
	unsigned command_count;
	bool json;
};

static void
on_signal(int signo)
{
	if (signo == SIGINT)
		was_interrupted = 1;
	else
		was_suspended = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL); /* without SA_RESTART: poll ends */
	sigaction(SIGTSTP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void
print_help(FILE *to)
{
	fprintf(to,
	    "usage: bgpsh [-hjv] [-s socket] [-c command] ...\n"
	    "  -c COMMAND  run this and exit; repeatable, in one session\n"
	    "  -j          shows answer in JSON\n"
	    "  -s SOCKET   bgpd's control socket, default %s\n"
	    "  -h, -v      print this, print the version\n",
	    FAIRWAY_RUNDIR "/fairway/bgpd.sock");
}

/* -1, or the exit status when there is nothing more to do. */
static int
read_options(struct options *o, int argc, char **argv)
{
	int letter;

	while ((letter = getopt(argc, argv, "c:hjs:v")) >= 0) {
		switch (letter) {
		case 'c':
			o->commands[o->command_count++] = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'h':
			print_help(stdout);
			return 0;
		case 'v':
			puts("bgpsh (" PACKAGE_NAME ") " PACKAGE_VERSION);
			return 0;
		default:
			print_help(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(
	    stderr, "bgpsh: %s: not understood, see bgpsh -h\n", argv[optind]);
	return EXIT_USAGE;
}

/* The line with " json" before its filter, where it is a show without it. */
static char *
with_json(const char *line, bool json)
{
	const char *bar = strstr(line, " | ");
	size_t len = bar != NULL ? (size_t)(bar - line) : strlen(line);
	size_t size = strlen(line) + sizeof(" json");
	char *copy = malloc(size);

	if (copy == NULL)
		return NULL;
	while (len > 0 && line[len - 1] == ' ')
		len--;
	if (json && strncmp(line, "sh", 2) == 0 &&
	    (len < 5 || strncmp(line + len - 5, " json", 5) != 0))
		snprintf(copy, size, "%.*s json%s", (int)len, line,
		    bar != NULL ? bar : "");
	else
		snprintf(copy, size, "%s", line);
	return copy;
}

static enum answer
run_line(struct client *c, const char *said, bool json)
{
	char *line = with_json(said, json);
	enum answer answer = ANSWER_FAILED;
	struct page page;

	if (line != NULL && page_begin(&page, line, 0) == 0) {
		answer = client_ask(c, 'x', line, page_text, &page);
		page_end(&page, answer == ANSWER_FAILED);
	}
	if (answer == ANSWER_LOST)
		fprintf(stderr, "bgpsh: bgpd has gone\n");
	free(line);
	return answer;
}

/* In order; what follows a line that failed might land in another mode. */
static int
run_commands(struct client *c, const struct options *o)
{
	for (unsigned i = 0; i < o->command_count; i++) {
		enum answer answer = run_line(c, o->commands[i], o->json);

		if (answer == ANSWER_OVER)
			break;
		if (answer != ANSWER_OK)
			return answer == ANSWER_LOST ? EXIT_GONE : EXIT_FAULT;
	}
	return 0;
}

/* A script goes on after a line that failed, as a file is read whole. */
static int
run_script(struct client *c, bool json)
{
	enum answer answer = ANSWER_OK;
	char *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	int status = 0;

	while (answer < ANSWER_OVER && getline(&line, &size, stdin) > 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		answer = run_line(c, line, json);
		if (answer == ANSWER_FAILED) {
			fprintf(stderr, "bgpsh: line %u failed\n", number);
			status = EXIT_FAULT;
		}
	}
	free(line);
	return answer == ANSWER_LOST ? EXIT_GONE : status;
}

static void
print_log(const char *line)
{
	puts(line);
	fflush(stdout);
}

static int
run(struct client *c, const struct options *o)
{
	if (client_connect(c) != 0) {
		fprintf(stderr,
		    "bgpsh: %s: %s; is bgpd running? (-s names its socket)\n",
		    c->path, strerror(errno));
		return EXIT_GONE;
	}
	c->on_log = print_log;
	if (o->command_count > 0)
		return run_commands(c, o);
	if (!isatty(STDIN_FILENO))
		return run_script(c, o->json);
	catch_signals();
	return terminal_run(c, "bgpsh");
}

int
main(int argc, char **argv)
{
	struct options o = { .socket = FAIRWAY_RUNDIR "/fairway/bgpd.sock" };
	struct client c = { .fd = -1 };
	int status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	o.commands = calloc((size_t)argc, sizeof(*o.commands));
	if (o.commands == NULL)
		return EXIT_FAULT;
	status = read_options(&o, argc, argv);
	if (status < 0) {
		c.path = o.socket;
		status = run(&c, &o);
		client_close(&c);
	}
	free(c.in);
	free(o.commands);
	return status;
}
