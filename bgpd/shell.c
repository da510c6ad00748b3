/* SPDX-License-Identifier: ISC */
/* Sessions of shells: lines in, framed answers out, over the control socket. */

/*
 * The client sends lines: "x LINE" runs a line, "? LINE" asks what may follow,
 * "t LINE" what completes its last word. The daemon sends frames: a header
 * "TYPE STATUS LENGTH\n" and LENGTH bytes:
 *
 *	h 0 N	greeting, "fairway-shell 1"
 *	o 0 N	a piece of the answer
 *	l 0 N	a log line, whenever there is one (terminal monitor)
 *	p S N	end of an answer: S is 0, or 1 when the line failed; the prompt
 *	q 0 0	the session is over
 *
 * One line is answered at a time, in order. A verb that has more to say runs
 * again once the socket has taken what it said, so a slow client holds nobody.
 */
#include <bsd/sys/queue.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/read.h"
#include "config.h"
#include "net/net.h"
#include "shell.h"
#include "util/log.h"
#include "util/mem.h"

#define SESSION_MAX  64
#define INPUT_MAX    65536 /* bytes read ahead */
#define LINE_MAX_LEN 8192
#define MONITOR_MAX  65536 /* bytes waiting; then log lines are dropped */
#define GREETING     "fairway-shell 1"

struct session {
	TAILQ_ENTRY(session) link;
	unsigned number;
	int fd;
	struct watch *watch;
	struct text in, out;
	size_t sent; /* of out */
	struct cli_call *call;
	bool configures;
	struct text
	    place; /* lines that lead to the mode, see cli_place_print */
	bool monitors;
	unsigned dropped; /* log lines */
	bool leaves;	  /* close when all is sent */
};

static struct {
	TAILQ_HEAD(sessions, session) sessions;
	unsigned count, next;
	struct loop *loop;
	struct watch *watch;
	int listener;
	char *path;
} shell = { .listener = -1 };

/* frames ------------------------------------------------------------------- */

static void
frame(struct session *s, char type, int status, const char *data, size_t len)
{
	text_add(&s->out, "%c %d %zu\n", type, status, len);
	text_put(&s->out, data, len);
}

static void
say(struct session *s, const struct text *text)
{
	if (text->len > 0)
		frame(s, 'o', 0, text->s, text->len);
}

/* The place in the file's layer as it is now; shorter where a mode is gone. */
static void
place_of(const struct session *s, struct cli_place *place)
{
	cli_place_find(config_file_tree(), text_str(&s->place), place);
}

const struct cli_node_type *
session_mode(const struct session *s)
{
	struct cli_place place;

	if (!s->configures)
		return NULL;
	place_of(s, &place);
	return cli_type(place.nodes[place.depth - 1]);
}

static void
prompt(struct session *s, int status)
{
	const struct cli_node_type *mode = session_mode(s);
	struct text text = { 0 };

	text_add(&text, "%s", config_hostname());
	if (mode != NULL)
		text_add(&text, "(%s)",
		    mode->prompt != NULL ? mode->prompt : "config");
	text_add(&text, "# ");
	frame(s, 'p', status, text.s, text.len);
	text_free(&text);
}

/* sessions ----------------------------------------------------------------- */

static void monitor_attach(void);

static void
session_close(struct session *s)
{
	TAILQ_REMOVE(&shell.sessions, s, link);
	shell.count--;
	cli_call_free(s->call);
	watch_free(s->watch);
	sock_close(s->fd);
	text_free(&s->in);
	text_free(&s->out);
	text_free(&s->place);
	mem_free(s);
	monitor_attach();
}

/* Failed writes show as the end of the stream, when it is read. */
static bool
session_send(struct session *s)
{
	while (s->sent < s->out.len) {
		ssize_t n =
		    sock_write(s->fd, s->out.s + s->sent, s->out.len - s->sent);

		if (n < 0)
			return false;
		if (n == 0)
			break;
		s->sent += (size_t)n;
	}
	if (s->sent == s->out.len) {
		text_clear(&s->out);
		s->sent = 0;
	} else if (s->sent > MONITOR_MAX) {
		s->out.len -= s->sent;
		memmove(s->out.s, s->out.s + s->sent, s->out.len);
		s->sent = 0;
	}
	return true;
}

static size_t
session_waiting(const struct session *s)
{
	return s->out.len - s->sent;
}

static void
session_arm(struct session *s)
{
	unsigned what = 0;

	if (s->in.len < INPUT_MAX)
		what |= WATCH_READ;
	if (session_waiting(s) > 0 || s->call != NULL)
		what |= WATCH_WRITE;
	watch_set(s->watch, what);
}

/* terminal monitor --------------------------------------------------------- */

/* What the log says, to all who look; nothing here may log. */
static void
on_log_line(void *arg, const char *line)
{
	struct session *s;

	(void)arg;
	TAILQ_FOREACH (s, &shell.sessions, link) {
		if (!s->monitors)
			continue;
		if (session_waiting(s) > MONITOR_MAX) {
			s->dropped++;
			continue;
		}
		frame(s, 'l', 0, line, strlen(line));
		session_arm(s);
	}
}

static void
monitor_attach(void)
{
	struct session *s;
	bool any = false;

	TAILQ_FOREACH (s, &shell.sessions, link)
		any |= s->monitors;
	log_set_monitor(any ? on_log_line : NULL, NULL);
}

static void
tell_dropped(struct session *s)
{
	struct text text = { 0 };

	if (s->dropped == 0 || session_waiting(s) > 0)
		return;
	text_add(&text, "(%u log lines were not shown)", s->dropped);
	s->dropped = 0;
	frame(s, 'l', 0, text.s, text.len);
	text_free(&text);
}

/* lines -------------------------------------------------------------------- */

static void
call_go_on(struct session *s)
{
	int rc = cli_call_run(s->call);
	struct text *text = out_text(call_out(s->call));

	say(s, text);
	text_clear(text);
	if (rc == 1)
		return;
	cli_call_free(s->call);
	s->call = NULL;
	if (s->leaves)
		frame(s, 'q', 0, "", 0);
	else
		prompt(s, rc != 0);
}

/* Starts a command; false with why. */
static bool
call_begin(struct session *s, const char *line, bool anywhere, struct text *why)
{
	s->call = cli_call_new(config_cli(), line, anywhere, s, why);
	if (s->call == NULL)
		return false;
	call_go_on(s);
	return true;
}

static void
edit(struct session *s, struct cli_place *place, const char *line)
{
	struct cli_fault_list faults = { 0 };
	struct text text = { 0 };
	int rc = config_edit(place, line, &faults);

	if (rc == 0) {
		text_clear(&s->place);
		cli_place_print(place, &s->place);
	}
	cli_faults_print(&faults, &text);
	say(s, &text);
	prompt(s, rc != 0);
	text_free(&text);
	cli_faults_clear(&faults);
}

static const char *
after_do(const char *line)
{
	return strncmp(line, "do ", 3) == 0 ? line + 3 : NULL;
}

/* In a configuration mode: its lines first, then the commands it allows. */
static void
run_configuring(struct session *s, const char *line)
{
	struct text why = { 0 };
	struct cli_place place;

	place_of(s, &place);
	if (cli_knows(config_file_tree(), &place, line) ||
	    !call_begin(s, line, true, &why))
		edit(s, &place, line);
	text_free(&why);
}

static void
run_line(struct session *s, const char *line)
{
	const char *command = s->configures ? after_do(line) : line;
	struct text why = { 0 };

	if (command == NULL) {
		run_configuring(s, line);
		return;
	}
	if (!call_begin(s, command, false, &why)) {
		if (why.len > 0)
			text_char(&why, '\n');
		say(s, &why);
		prompt(s, why.len > 0);
	}
	text_free(&why);
}

static void
answer(struct session *s, const char *line,
    void (*ask)(struct cli *, const struct cli_node_type *, const char *,
	struct text *))
{
	const char *command = after_do(line);
	struct text text = { 0 };

	if (command != NULL && s->configures)
		ask(config_cli(), NULL, command, &text);
	else
		ask(config_cli(), session_mode(s), line, &text);
	say(s, &text);
	prompt(s, 0);
	text_free(&text);
}

/* The first two words: what follows may be a secret. */
static void
log_line(const struct session *s, const char *line)
{
	size_t len = strcspn(line, " ");

	len += strspn(line + len, " ");
	len += strcspn(line + len, " ");
	log_debug("shell", "session %u: %.*s%s", s->number, (int)len, line,
	    line[len] != '\0' ? " ..." : "");
}

static void
take_line(struct session *s, char *line)
{
	size_t len = strlen(line);
	char *said;

	if (len < 2 || line[1] != ' ' || strchr("x?t", line[0]) == NULL) {
		frame(s, 'q', 0, "", 0);
		s->leaves = true;
		return;
	}
	said = line + 2;
	if (line[0] != 'x') {
		answer(s, said, line[0] == '?' ? cli_explain : cli_complete);
		return;
	}
	while (isblank((unsigned char)*said))
		said++;
	log_line(s, said);
	run_line(s, said);
}

/* Whole lines of the input, one at a time, while no command is under way. */
static void
take_input(struct session *s)
{
	size_t used = 0;
	char *end;

	while (s->call == NULL && !s->leaves && used < s->in.len &&
	       (end = memchr(s->in.s + used, '\n', s->in.len - used)) != NULL) {
		char *line = s->in.s + used;

		*end = '\0';
		used = (size_t)(end - s->in.s) + 1;
		take_line(s, line);
	}
	if (used > 0) {
		memmove(s->in.s, s->in.s + used, s->in.len - used);
		s->in.len -= used;
	}
	if (s->in.len > LINE_MAX_LEN && s->call == NULL &&
	    memchr(s->in.s, '\n', s->in.len) == NULL)
		s->leaves = true; /* nobody types that */
}

/* descriptors -------------------------------------------------------------- */

static bool
session_read(struct session *s)
{
	char bytes[4096];
	ssize_t n = sock_read(s->fd, bytes, sizeof(bytes));

	if (n > 0)
		text_put(&s->in, bytes, (size_t)n);
	return n >= 0;
}

static void
on_session(void *arg, unsigned what)
{
	struct session *s = arg;

	if ((what & WATCH_READ) && !session_read(s)) {
		session_close(s);
		return;
	}
	if (!session_send(s)) {
		session_close(s);
		return;
	}
	if (s->call != NULL && session_waiting(s) == 0)
		call_go_on(s);
	take_input(s);
	tell_dropped(s);
	if (!session_send(s) || (s->leaves && session_waiting(s) == 0))
		session_close(s);
	else
		session_arm(s);
}

static void
session_open(int fd)
{
	struct session *s = mem_alloc(sizeof(*s));

	s->fd = fd;
	s->number = ++shell.next;
	TAILQ_INSERT_TAIL(&shell.sessions, s, link);
	shell.count++;
	s->watch = watch_new(shell.loop, fd, on_session, s);
	frame(s, 'h', 0, GREETING, strlen(GREETING));
	if (shell.count > SESSION_MAX) {
		static const char full[] = "% Too many shell sessions\n";

		frame(s, 'o', 0, full, sizeof(full) - 1);
		frame(s, 'q', 0, "", 0);
		s->leaves = true;
	} else {
		prompt(s, 0);
	}
	session_arm(s);
}

static void
on_listener(void *arg, unsigned what)
{
	int fd;

	(void)arg;
	(void)what;
	while ((fd = local_accept(shell.listener)) >= 0) {
		if (shell.count >= 2 * SESSION_MAX)
			sock_close(fd);
		else
			session_open(fd);
	}
}

static void
listener_arm(void)
{
	shell.watch = watch_new(shell.loop, shell.listener, on_listener, NULL);
	watch_set(shell.watch, WATCH_READ);
}

/* Somebody may have removed the socket's file: nobody gets in any more. */
void
shell_check(void)
{
	struct text why = { 0 };
	int fd;

	if (shell.listener < 0 || access(shell.path, F_OK) == 0)
		return;
	fd = local_listen(shell.path, &why);
	if (fd < 0) {
		log_warning("shell", "%s", text_str(&why));
	} else {
		watch_free(shell.watch);
		sock_close(shell.listener);
		shell.listener = fd;
		listener_arm();
		log_notice("shell", "%s was gone: made again", shell.path);
	}
	text_free(&why);
}

int
shell_start(struct loop *loop, const char *path, struct text *why)
{
	TAILQ_INIT(&shell.sessions);
	shell.loop = loop;
	shell.listener = local_listen(path, why);
	if (shell.listener < 0)
		return -1;
	shell.path = mem_string(path);
	listener_arm();
	return 0;
}

void
shell_stop(void)
{
	struct session *s;

	if (shell.listener < 0)
		return;
	while ((s = TAILQ_FIRST(&shell.sessions)) != NULL) {
		(void)session_send(s);
		session_close(s);
	}
	watch_free(shell.watch);
	sock_close(shell.listener);
	shell.listener = -1;
	unlink(shell.path);
	mem_free(shell.path);
}

/* what terminal.c's rows do ------------------------------------------------- */

void
session_configure(struct session *s, bool on)
{
	s->configures = on;
	text_clear(&s->place);
}

void
session_leave(struct session *s)
{
	struct cli_place place;

	if (!s->configures) {
		s->leaves = true;
		return;
	}
	place_of(s, &place);
	place.depth--;
	s->configures = place.depth > 0;
	text_clear(&s->place);
	cli_place_print(&place, &s->place);
}

void
session_monitor(struct session *s, bool on)
{
	s->monitors = on;
	monitor_attach();
}

void
session_each(void (*each)(void *arg, const struct session *s, unsigned number,
		 const struct cli_node_type *mode),
    void *arg)
{
	struct session *s;

	TAILQ_FOREACH (s, &shell.sessions, link)
		each(arg, s, s->number, session_mode(s));
}
