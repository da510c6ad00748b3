/* SPDX-License-Identifier: ISC */
/* The line editor: history, `?`, TAB, and the log while nothing is typed. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "bgpsh.h"

static struct {
	struct client *client;
	const char *name;
	EditLine *el;
	History *history;
	char history_file[PATH_MAX];
	long length; /* of a page; -1: the screen's */
} term = { .length = -1 };

static char *
prompt(EditLine *el)
{
	(void)el;
	return term.client->fd >= 0 ? term.client->prompt : "(no bgpd)# ";
}

/* Above the line that is being typed. */
static void
on_log(const char *line)
{
	printf("\r\033[K%s\n", line);
}

static void
redraw(void)
{
	fflush(stdout);
	el_set(term.el, EL_REFRESH);
}

/* Waits for a key; meanwhile the daemon may have something to say. */
static int
wait_key(void)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = term.client->fd, .events = POLLIN } };

	for (;;) {
		p[1].fd = term.client->fd;
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR && !was_interrupted &&
			    !was_suspended)
				continue;
			return -1;
		}
		if (p[1].revents != 0) {
			if (client_idle(term.client) < 0)
				printf("\r\033[Kbgpd has gone; the next line "
				       "looks for it again\n");
			redraw();
		}
		if (p[0].revents != 0)
			return 0;
	}
}

static int
read_key(EditLine *el, wchar_t *key)
{
	mbstate_t state = { 0 };
	size_t rc;
	char c;

	(void)el;
	for (;;) {
		if (wait_key() != 0 || read(STDIN_FILENO, &c, 1) != 1)
			return 0;
		rc = mbrtowc(key, &c, 1, &state);
		if (rc == (size_t)-1) {
			memset(&state, 0, sizeof(state));
			continue;
		}
		if (rc != (size_t)-2)
			return 1;
	}
}

/* ? and TAB ---------------------------------------------------------------- */

struct answer_text {
	char *s;
	size_t len;
};

static void
gather(void *arg, const char *text, size_t len)
{
	struct answer_text *a = arg;
	char *s = realloc(a->s, a->len + len + 1);

	if (s == NULL)
		return;
	memcpy(s + a->len, text, len);
	a->s = s;
	a->len += len;
	a->s[a->len] = '\0';
}

/* Asks about the line up to the cursor. */
static struct answer_text
ask(char verb)
{
	const LineInfo *info = el_line(term.el);
	struct answer_text a = { 0 };
	char line[8192];

	snprintf(line, sizeof(line), "%.*s", (int)(info->cursor - info->buffer),
	    info->buffer);
	client_ask(term.client, verb, line, gather, &a);
	return a;
}

static unsigned char
explain(EditLine *el, int key)
{
	struct answer_text a = ask('?');
	char *line, *rest = a.s;

	(void)el;
	(void)key;
	printf("?\n");
	if (a.len == 0)
		printf("  nothing follows\n");
	while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		char *tab = strchr(line, '\t');

		if (tab == NULL)
			continue;
		*tab = '\0';
		printf("  %-20s  %s\n", line, tab + 1);
	}
	fflush(stdout);
	free(a.s);
	return CC_REDISPLAY;
}

/* How far all lines begin alike. */
static size_t
common(const char *s, size_t len)
{
	size_t first = strcspn(s, "\n"), n = first;
	const char *line = s;

	while (line < s + len) {
		size_t i = 0, span = strcspn(line, "\n");

		while (i < n && i < span && line[i] == s[i])
			i++;
		n = i;
		line += span + 1;
	}
	return n;
}

static size_t
word_length(void)
{
	const LineInfo *info = el_line(term.el);
	const char *at = info->cursor;

	while (at > info->buffer && at[-1] != ' ')
		at--;
	return (size_t)(info->cursor - at);
}

static unsigned char
complete(EditLine *el, int key)
{
	struct answer_text a = ask('t');
	size_t said = word_length(), same;
	char more[512];
	bool only;

	(void)key;
	if (a.len == 0) {
		free(a.s);
		return CC_REFRESH_BEEP;
	}
	same = common(a.s, a.len);
	only = strcspn(a.s, "\n") + 1 >= a.len;
	if (same > said || only) {
		snprintf(more, sizeof(more), "%.*s%s",
		    same > said ? (int)(same - said) : 0, a.s + said,
		    only ? " " : "");
		el_insertstr(el, more);
		free(a.s);
		return CC_REFRESH;
	}
	printf("\n");
	for (size_t i = 0; i < a.len; i++)
		putchar(a.s[i] == '\n' ? ' ' : a.s[i]);
	printf("\n");
	fflush(stdout);
	free(a.s);
	return CC_REDISPLAY;
}

/* history ------------------------------------------------------------------ */

static void
history_open(void)
{
	const char *home = getenv("HOME");
	HistEvent event;
	int fd;

	term.history = history_init();
	history(term.history, &event, H_SETSIZE, 1000);
	history(term.history, &event, H_SETUNIQUE, 1);
	if (home == NULL)
		return;
	snprintf(term.history_file, sizeof(term.history_file),
	    "%s/.bgpsh_history", home);
	/* Made before it is written: only its owner may read it. */
	fd = open(term.history_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)fchmod(fd, 0600);
		close(fd);
	}
	history(term.history, &event, H_LOAD, term.history_file);
}

static void
history_close(void)
{
	HistEvent event;

	if (term.history_file[0] != '\0')
		history(term.history, &event, H_SAVE, term.history_file);
	history_end(term.history);
}

/* Passwords stay out of the file. */
static void
history_add(const char *line)
{
	HistEvent event;

	if (strspn(line, " \n") < strlen(line) && strstr(line, " pas") == NULL)
		history(term.history, &event, H_ENTER, line);
}

/* the dialogue ------------------------------------------------------------- */

static size_t
screen_lines(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || term.length == 0)
		return 0;
	if (term.length > 0)
		return (size_t)term.length;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_row;
}

/* "terminal length N" is ours: bgpd sees no terminal. */
static void
take_length(const char *line)
{
	long n;

	if (sscanf(line, " term%*[inal] length %ld", &n) == 1 && n >= 0)
		term.length = n;
}

static bool
reconnect(void)
{
	if (term.client->fd >= 0)
		return true;
	if (client_connect(term.client) == 0) {
		printf("bgpd is back; this is a new session\n");
		return true;
	}
	printf("no bgpd at %s: %s\n", term.client->path, strerror(errno));
	return false;
}

/* false: the session is over. */
static bool
run(char *line)
{
	enum answer answer;
	struct page page;

	take_length(line);
	if (strspn(line, " \n") == strlen(line))
		return true;
	if (!reconnect())
		return true;
	if (page_begin(&page, line, screen_lines()) == 0) {
		was_interrupted = 0;
		answer = client_ask(term.client, 'x', line, page_text, &page);
		page_end(&page, answer == ANSWER_FAILED);
		if (answer == ANSWER_LOST)
			printf("bgpd has gone; the next line looks for it "
			       "again\n");
		return answer != ANSWER_OVER;
	}
	return true;
}

/* No line: Ctrl-C throws it away, Ctrl-Z is "end", Ctrl-D "exit". */
static bool
no_line(void)
{
	char end[] = "end", leave[] = "exit";

	printf("\n");
	if (was_interrupted) {
		was_interrupted = 0;
		return true;
	}
	if (was_suspended) {
		was_suspended = 0;
		return strchr(term.client->prompt, '(') == NULL || run(end);
	}
	return term.client->fd >= 0 && run(leave);
}

static void
editor_open(void)
{
	term.el = el_init(term.name, stdin, stdout, stderr);
	el_set(term.el, EL_PROMPT, prompt);
	el_set(term.el, EL_EDITOR, "emacs");
	el_set(term.el, EL_SIGNAL, 0);
	el_set(term.el, EL_HIST, history, term.history);
	el_set(term.el, EL_GETCFN, read_key);
	el_set(term.el, EL_ADDFN, "bgpsh-explain", "What may follow", explain);
	el_set(term.el, EL_ADDFN, "bgpsh-complete", "Complete", complete);
	el_set(term.el, EL_BIND, "?", "bgpsh-explain", NULL);
	el_set(term.el, EL_BIND, "\t", "bgpsh-complete", NULL);
	el_set(term.el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_source(term.el, NULL);
}

int
terminal_run(struct client *c, const char *name)
{
	bool goes_on = true;
	int count;

	term.client = c;
	term.name = name;
	c->on_log = on_log;
	history_open();
	editor_open();
	while (goes_on) {
		const char *typed = el_gets(term.el, &count);
		char *line;

		if (typed == NULL || count <= 0) {
			el_reset(term.el);
			goes_on = no_line();
			continue;
		}
		history_add(typed);
		line = strdup(typed);
		if (line == NULL)
			break;
		line[strcspn(line, "\n")] = '\0';
		goes_on = run(line);
		free(line);
	}
	el_end(term.el);
	history_close();
	return 0;
}
