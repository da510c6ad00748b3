/* SPDX-License-Identifier: ISC */
/* Exec plugins of a kubeconfig: a child that prints who we are, and until when. */

/*
 * client.authentication.k8s.io, v1 and v1beta1. The command is run as it is
 * written, never by a shell, with /dev/null to read from. What it prints is read
 * in the loop, bounded in size and time; it is done when it has ended, also
 * where somebody it left behind still holds the pipe.
 */

#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <json-c/json.h>

#include "../text.h"
#include "login.h"

#define OUT_MAX	   (256 * 1024)
#define ERR_MAX	   512
#define RUN_MAX_MS 60000

extern char **environ;

/* What the child prints; the rest of what does not fit is passed over. */
struct pipe {
	struct exec *exec;
	struct bgpd_watch *watch;
	int fd; /* -1: closed */
	char *text;
	size_t len, max;
	bool too_long;
};

struct exec {
	struct guest *guest;
	void (*on_done)(void *arg);
	void *arg;
	struct bgpd_timer *timer;
	struct bgpd_child *child;
	pid_t pid; /* 0: none */
	struct pipe out, err;
	struct exec_answer *answer;
	char *version, *command, *hint; /* of the plan that runs */
	bool running;
	char why[512];
};

#define HOST(exec) (exec)->guest->host

/* Reading ------------------------------------------------------------------------ */

static void
pipe_close(struct pipe *pipe)
{
	if (pipe->watch != NULL)
		HOST(pipe->exec)->watch_free(pipe->watch);
	pipe->watch = NULL;
	if (pipe->fd != -1)
		close(pipe->fd);
	pipe->fd = -1;
}

/* All that is there now. */
static void
pipe_read(struct pipe *pipe)
{
	char spill[4096];
	ssize_t n = 0;

	while (pipe->fd != -1) {
		if (pipe->len < pipe->max)
			n = read(pipe->fd, pipe->text + pipe->len,
			    pipe->max - pipe->len);
		else
			n = read(pipe->fd, spill, sizeof(spill));
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			pipe_close(pipe);
		if (n <= 0)
			return;
		if (pipe->len < pipe->max)
			pipe->len += (size_t)n;
		else
			pipe->too_long = true;
		if (pipe->too_long)
			return; /* the rest in another turn */
	}
}

static void
on_pipe(void *arg, unsigned what)
{
	(void)what;
	pipe_read(arg);
}

/* The end for the child to write to; -1: errno. */
static int
pipe_open(struct exec *exec, struct pipe *pipe, size_t max)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	pipe->exec = exec;
	pipe->fd = fds[0];
	pipe->max = max;
	pipe->len = 0;
	pipe->too_long = false;
	pipe->text = k8s_alloc(max + 1);
	pipe->watch =
	    HOST(exec)->watch_new(exec->guest->self, fds[0], on_pipe, pipe);
	HOST(exec)->watch_set(pipe->watch, BGPD_READ);
	return fds[1];
}

static void
pipe_free(struct pipe *pipe)
{
	if (pipe->text == NULL)
		return;
	pipe_close(pipe);
	explicit_bzero(pipe->text, pipe->len);
	free(pipe->text);
	pipe->text = NULL;
}

/* Answers ------------------------------------------------------------------------- */

static void
answer_free(struct exec_answer *answer)
{
	char *secrets[] = { answer == NULL ? NULL : answer->token,
		answer == NULL ? NULL : answer->key };
	size_t i;

	if (answer == NULL)
		return;
	for (i = 0; i < 2; i++) {
		if (secrets[i] != NULL)
			explicit_bzero(secrets[i], strlen(secrets[i]));
	}
	free(answer->token);
	free(answer->cert);
	free(answer->key);
	free(answer);
}

static void exec_fail(struct exec *exec, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
exec_fail(struct exec *exec, const char *format, ...)
{
	int n;
	va_list ap;

	n = snprintf(
	    exec->why, sizeof(exec->why), "exec plugin %s: ", exec->command);
	if (n < 0 || (size_t)n >= sizeof(exec->why))
		return;
	va_start(ap, format);
	vsnprintf(exec->why + n, sizeof(exec->why) - (size_t)n, format, ap);
	va_end(ap);
}

/* What is in `status`; false: the fault is told. */
static bool
status_read(
    struct exec *exec, struct json_object *status, struct exec_answer *answer)
{
	struct fault fault = { 0, "" };
	const char *token = tree_text(status, "token", &fault);
	const char *cert = tree_text(status, "clientCertificateData", &fault);
	const char *key = tree_text(status, "clientKeyData", &fault);
	const char *ends = tree_text(status, "expirationTimestamp", &fault);
	int64_t ends_s = 0;

	if (token != NULL && *token != '\0' &&
	    (answer->token = token_read(token)) == NULL)
		tree_fault(&fault, "token", "free of blanks");
	if ((cert == NULL) != (key == NULL))
		tree_fault(&fault, "clientCertificateData and clientKeyData",
		    "there both, or neither");
	if (token == NULL && cert == NULL)
		tree_fault(&fault, "token or clientCertificateData", "there");
	if (ends != NULL && !stamp_read(ends, &ends_s))
		tree_fault(
		    &fault, "expirationTimestamp", "like 2030-01-31T12:00:00Z");
	if (fault.text[0] != '\0') {
		exec_fail(exec, "what it printed: status.%s", fault.text);
		return false;
	}
	if (ends != NULL)
		answer->ends_ms =
		    answer->came_ms + ends_s * 1000 - stamp_now_ns() / 1000000;
	answer->cert = k8s_copy(cert);
	answer->key = k8s_copy(key);
	answer->cert_len = cert == NULL ? 0 : strlen(cert);
	answer->key_len = key == NULL ? 0 : strlen(key);
	return true;
}

/* What it printed, in place of the last answer; or why tells. */
static void
answer_read(struct exec *exec)
{
	struct fault fault = { 0, "" };
	struct json_object *root = json_tokener_parse(exec->out.text), *status;
	const char *version = tree_text(root, "apiVersion", &fault);
	struct exec_answer *answer = k8s_alloc(sizeof(*answer));

	answer->came_ms = guest_now_ms(exec->guest);
	status = tree_map(root, "status", &fault);
	if (exec->out.too_long)
		exec_fail(exec, "it printed more than %d bytes", OUT_MAX);
	else if (!json_object_is_type(root, json_type_object) || status == NULL)
		exec_fail(
		    exec, "what it printed is no ExecCredential with a status");
	else if (version == NULL || strcmp(version, exec->version) != 0)
		exec_fail(exec,
		    "it answers as apiVersion %.80s, but the kubeconfig says "
		    "%s: make that the same",
		    version == NULL ? "none" : version, exec->version);
	else if (status_read(exec, status, answer)) {
		answer_free(exec->answer);
		exec->answer = answer;
		answer = NULL;
	}
	answer_free(answer);
	json_object_put(root);
}

/* Ending ---------------------------------------------------------------------------- */

/* The first line that it complained with, made fit to print; "": none. */
static const char *
complaint(struct exec *exec)
{
	char *text = exec->err.text, *p;

	text[exec->err.len] = '\0';
	text += strspn(text, "\r\n\t ");
	text[strcspn(text, "\r\n")] = '\0';
	for (p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	return text;
}

static void
exec_finish(struct exec *exec)
{
	pipe_free(&exec->out);
	pipe_free(&exec->err);
	exec->running = false;
	HOST(exec)->timer_stop(exec->timer);
	if (exec->why[0] != '\0')
		say(exec->guest, LOG_WARNING, "%s", exec->why);
	exec->on_done(exec->arg);
}

static void
on_ended(void *arg, int status)
{
	struct exec *exec = arg;
	const char *said;

	HOST(exec)->child_free(exec->child);
	exec->child = NULL;
	exec->pid = 0;
	pipe_read(&exec->out);
	pipe_read(&exec->err);
	exec->out.text[exec->out.len] = '\0';
	said = complaint(exec);
	if (exec->why[0] != '\0')
		; /* it took too long, and that has been said */
	else if (WIFSIGNALED(status))
		exec_fail(exec, "ended by signal %d%s%s", WTERMSIG(status),
		    *said != '\0' ? ": " : "", said);
	else if (WEXITSTATUS(status) != 0)
		exec_fail(exec, "exit status %d%s%s", WEXITSTATUS(status),
		    *said != '\0' ? ": " : "", said);
	else {
		if (*said != '\0')
			say(exec->guest, LOG_INFO, "exec plugin %s: %s",
			    exec->command, said);
		answer_read(exec);
	}
	exec_finish(exec);
}

/* The time is over; or it could not be started, and nobody was told yet. */
static void
on_time(void *arg)
{
	struct exec *exec = arg;

	if (exec->pid == 0) {
		exec_finish(exec);
		return;
	}
	exec_fail(exec, "no answer within %d s: does it wait for somebody?",
	    RUN_MAX_MS / 1000);
	kill(-exec->pid, SIGKILL); /* its own group; on_ended follows */
}

/* Starting ------------------------------------------------------------------------------ */

static void
cluster_print(const struct plan *plan, struct text *out)
{
	const struct login *login = &plan->login;

	text_open(out, "cluster", '{');
	text_string(out, "server", login->server);
	text_string(out, "tls-server-name", login->tls_server_name);
	text_string(out, "proxy-url", login->proxy_url);
	if (login->ca != NULL)
		text_base64(out, "certificate-authority-data", login->ca,
		    login->ca_len);
	if (login->insecure)
		text_bool(out, "insecure-skip-tls-verify", true);
	if (plan->exec->config != NULL)
		text_raw(out, "config", plan->exec->config);
	text_close(out, '}');
}

/* "KUBERNETES_EXEC_INFO={...}", to be freed. */
static char *
info_new(const struct plan *plan)
{
	struct text out = { 0 };

	text_add_word(&out, "KUBERNETES_EXEC_INFO={");
	text_string(&out, "apiVersion", plan->exec->version);
	text_string(&out, "kind", "ExecCredential");
	text_open(&out, "spec", '{');
	text_bool(&out, "interactive", false);
	if (plan->exec->wants_cluster)
		cluster_print(plan, &out);
	text_close(&out, '}');
	text_close(&out, '}');
	return out.s;
}

/* Is the variable one of those that the plan sets? */
static bool
env_is_set(char **env, const char *variable)
{
	size_t len = strcspn(variable, "=") + 1;

	for (; *env != NULL; env++) {
		if (strncmp(*env, variable, len) == 0)
			return true;
	}
	return strncmp(variable, "KUBERNETES_EXEC_INFO=", len) == 0;
}

/* Ours, the plan's over it, and info; the texts are borrowed. */
static char **
env_new(char **env, char *info)
{
	size_t count = 2, n = 0, i;
	char **all;

	for (i = 0; environ[i] != NULL; i++)
		count++;
	for (i = 0; env[i] != NULL; i++)
		count++;
	all = k8s_alloc(count * sizeof(*all));
	for (i = 0; environ[i] != NULL; i++) {
		if (!env_is_set(env, environ[i]))
			all[n++] = environ[i];
	}
	for (i = 0; env[i] != NULL; i++)
		all[n++] = env[i];
	all[n] = info;
	return all;
}

/* With signals as they are by default, in a group of its own: 0, or errno. */
static int
child_spawn(pid_t *pid, char **argv, char **env, int out, int err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, pipe;
	int error;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, err, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &pipe);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF |
						  POSIX_SPAWN_SETPGROUP);
	error = posix_spawnp(pid, argv[0], &files, &attributes, argv, env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

static void
exec_spawn(struct exec *exec, const struct plan *plan)
{
	char *info = info_new(plan), **env = env_new(plan->exec->env, info);
	int out = pipe_open(exec, &exec->out, OUT_MAX);
	int err = pipe_open(exec, &exec->err, ERR_MAX);
	int error =
	    out == -1 || err == -1
		? errno
		: child_spawn(&exec->pid, plan->exec->argv, env, out, err);

	if (out != -1)
		close(out);
	if (err != -1)
		close(err);
	free(env);
	free(info);
	if (error == 0)
		exec->child = HOST(exec)->child_new(
		    exec->guest->self, exec->pid, on_ended, exec);
	else {
		exec->pid = 0;
		exec_fail(exec, "%s%s%s", strerror(error),
		    exec->hint != NULL ? ". " : "",
		    exec->hint != NULL ? exec->hint : "");
	}
	HOST(exec)->timer_start(exec->timer, error == 0 ? RUN_MAX_MS : 0);
}

void
exec_start(struct exec *exec, const struct plan *plan)
{
	if (exec->running)
		return;
	exec->running = true;
	exec->why[0] = '\0';
	free(exec->version);
	free(exec->command);
	free(exec->hint);
	exec->version = k8s_copy(plan->exec->version);
	exec->command = k8s_copy(plan->exec->argv[0]);
	exec->hint = k8s_copy(plan->exec->hint);
	exec_spawn(exec, plan);
}

bool
exec_is_running(const struct exec *exec)
{
	return exec->running;
}

const struct exec_answer *
exec_answer(const struct exec *exec)
{
	return exec->answer;
}

const char *
exec_why(const struct exec *exec)
{
	return exec->running ? "" : exec->why;
}

struct exec *
exec_new(struct guest *guest, void (*on_done)(void *arg), void *arg)
{
	struct exec *exec = k8s_alloc(sizeof(*exec));

	exec->guest = guest;
	exec->on_done = on_done;
	exec->arg = arg;
	exec->out.exec = exec->err.exec = exec;
	exec->out.fd = exec->err.fd = -1;
	exec->timer = guest->host->timer_new(guest->self, on_time, exec);
	return exec;
}

void
exec_free(struct exec *exec)
{
	if (exec->pid != 0)
		kill(-exec->pid, SIGKILL);
	if (exec->child != NULL)
		HOST(exec)->child_free(exec->child);
	HOST(exec)->timer_free(exec->timer);
	pipe_free(&exec->out);
	pipe_free(&exec->err);
	answer_free(exec->answer);
	free(exec->version);
	free(exec->command);
	free(exec->hint);
	free(exec);
}
