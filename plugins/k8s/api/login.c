/* SPDX-License-Identifier: ISC */
/* Who we are to the API server: which files say so, read again as they change. */

/*
 * A plan is what files say at one moment; it remembers every file it looked at.
 * Those are looked at again each second that somebody asks, and read when one
 * has changed, when a minute has passed, or when the server has refused us. A
 * plan that is not usable leaves the last good one in place. What an exec plugin
 * answers is laid over the plan.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "login.h"

#define FILE_MAX     (4 * 1024 * 1024)
#define LOOK_MS	     1000
#define READ_MS	     60000
#define EXEC_BACK_MS 10000 /* between two runs of an exec plugin */
#define POD_DIR	     "/var/run/secrets/kubernetes.io/serviceaccount"

struct logins {
	struct guest guest;
	char *path; /* NULL: whichever is there */
	void (*on_change)(void *arg);
	void *arg;
	struct plan *plan; /* the last good one; NULL: none yet */
	struct exec *exec;
	struct login now; /* borrows from plan and from exec's answer */
	uint64_t wire_mark, all_mark, exec_mark; /* of what `now` is made */
	int64_t looked_ms, read_ms, ran_ms;	 /* 0: never */
	bool read_again, run_again;		 /* the server has refused us */
	char why[512], told[512];
};

/* Plans -------------------------------------------------------------------------- */

int
plan_fail(struct plan *plan, const char *format, ...)
{
	va_list ap;

	if (plan->why[0] != '\0')
		return -1;
	va_start(ap, format);
	vsnprintf(plan->why, sizeof(plan->why), format, ap);
	va_end(ap);
	return -1;
}

static void
plan_note(struct plan *plan, const char *path, const struct stat *st)
{
	struct seen *seen = k8s_alloc(sizeof(*seen) + strlen(path) + 1);

	strcpy(seen->path, path);
	seen->st = *st;
	SLIST_INSERT_HEAD(&plan->seen, seen, link);
}

char *
plan_file(struct plan *plan, const char *path, size_t *len)
{
	struct stat st = { 0 };
	char *text = k8s_file_read(AT_FDCWD, path, FILE_MAX, &st, len);
	int error = errno;

	plan_note(plan, path, &st);
	errno = error;
	return text;
}

static bool
plan_is_stale(const struct plan *plan)
{
	const struct seen *seen;
	struct stat st;

	SLIST_FOREACH (seen, &plan->seen, link) {
		if (stat(seen->path, &st) == -1)
			memset(&st, 0, sizeof(st));
		if (k8s_file_differs(&st, &seen->st))
			return true;
	}
	return false;
}

struct plan *
plan_new(void)
{
	struct plan *plan = k8s_alloc(sizeof(*plan));

	SLIST_INIT(&plan->seen);
	return plan;
}

static void
secret_free(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void
list_free(char **list)
{
	size_t i;

	for (i = 0; list != NULL && list[i] != NULL; i++)
		secret_free(list[i]);
	free(list);
}

static void
login_clear(struct login *login)
{
	free(login->server);
	free(login->where);
	free(login->space);
	free(login->ca);
	free(login->cert);
	secret_free(login->key);
	secret_free(login->token);
	free(login->user);
	secret_free(login->password);
	free(login->token_file);
	free(login->tls_server_name);
	secret_free(login->proxy_url);
	free(login->as_user);
	free(login->as_uid);
	list_free(login->as_groups);
	list_free(login->as_extra);
}

void
plan_free(struct plan *plan)
{
	struct seen *seen;

	if (plan == NULL)
		return;
	while ((seen = SLIST_FIRST(&plan->seen)) != NULL) {
		SLIST_REMOVE_HEAD(&plan->seen, link);
		free(seen);
	}
	if (plan->exec != NULL) {
		free(plan->exec->version);
		list_free(plan->exec->argv);
		list_free(plan->exec->env);
		free(plan->exec->hint);
		free(plan->exec->config);
		free(plan->exec);
	}
	login_clear(&plan->login);
	free(plan);
}

char *
token_read(const char *text)
{
	static const char blanks[] = " \t\r\n";
	size_t len, i;
	char *token;

	text += strspn(text, blanks);
	len = strlen(text);
	while (len > 0 && strchr(blanks, text[len - 1]) != NULL)
		len--;
	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return NULL;
	}
	if (len == 0)
		return NULL;
	token = k8s_alloc(len + 1);
	memcpy(token, text, len);
	return token;
}

/* In a pod ------------------------------------------------------------------------ */

static const char *
pod_directory(void)
{
	const char *directory = getenv("FAIRWAY_SERVICEACCOUNT_DIR");

	return directory != NULL && *directory != '\0' ? directory : POD_DIR;
}

static char *
pod_file(struct plan *plan, const char *name, size_t *len)
{
	char *path = k8s_join(pod_directory(), name);
	char *text = plan_file(plan, path, len);

	if (text == NULL)
		plan_fail(plan,
		    "%s: %s: in a pod the ServiceAccount's token is mounted "
		    "there; is automountServiceAccountToken off?",
		    path, strerror(errno));
	free(path);
	return text;
}

static bool
pod_is_it(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");

	return host != NULL && *host != '\0' && port != NULL && *port != '\0';
}

static char *
pod_server(void)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	bool six = strchr(host, ':') != NULL && host[0] != '[';

	return k8s_print(
	    "https://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port);
}

static void
pod_read(struct plan *plan)
{
	struct login *login = &plan->login;
	char *token, *path;
	size_t len;

	login->where = k8s_copy("in-cluster");
	login->server = pod_server();
	token = pod_file(plan, "token", &len);
	if (token != NULL && (login->token = token_read(token)) == NULL)
		plan_fail(plan,
		    "%s/token holds no token; the kubelet writes it",
		    pod_directory());
	secret_free(token);
	login->ca = pod_file(plan, "ca.crt", &login->ca_len);
	if (login->ca != NULL && strstr(login->ca, "-----BEGIN") == NULL)
		plan_fail(plan, "%s/ca.crt holds no certificate in PEM",
		    pod_directory());
	path = k8s_join(pod_directory(), "namespace");
	token = plan_file(plan, path, &len);
	login->space = token == NULL ? NULL : token_read(token);
	free(token);
	free(path);
}

/* Which ------------------------------------------------------------------------------ */

static struct plan *
plan_read(const char *path)
{
	const char *variable = getenv("KUBECONFIG"), *home = getenv("HOME");
	struct plan *plan = plan_new();
	char *file;

	if (path != NULL)
		kubeconfig_read(plan, path);
	else if (pod_is_it())
		pod_read(plan);
	else if (variable != NULL && *variable != '\0')
		kubeconfig_read(plan, variable);
	else {
		file = k8s_join(home != NULL ? home : "", ".kube/config");
		if (home == NULL || access(file, F_OK) == -1)
			plan_fail(plan,
			    "no login to an API server: this is no pod, "
			    "$KUBECONFIG is not set and there is no "
			    "~/.kube/config; name a file: source api PATH");
		else
			kubeconfig_read(plan, file);
		free(file);
	}
	return plan;
}

/* Marks: has anything changed? -------------------------------------------------------- */

/* A NULL is not an empty text, and the end of one not the next one's start. */
static uint64_t
mark_add(uint64_t mark, const char *text, size_t len)
{
	uint64_t size = text == NULL ? UINT64_MAX : len;

	mark = k8s_hash(mark, &size, sizeof(size));
	return text == NULL ? mark : k8s_hash(mark, text, len);
}

static uint64_t
mark_text(uint64_t mark, const char *text)
{
	return mark_add(mark, text, text == NULL ? 0 : strlen(text));
}

/* What a connection is made of; a token is told with each request. */
static uint64_t
mark_wire(const struct login *login)
{
	uint64_t mark = UINT64_C(14695981039346656037);

	mark = mark_text(mark, login->server);
	mark = mark_add(mark, login->ca, login->ca_len);
	mark = mark_add(mark, login->cert, login->cert_len);
	mark = mark_add(mark, login->key, login->key_len);
	mark = mark_text(mark, login->tls_server_name);
	mark = mark_text(mark, login->proxy_url);
	return mark_text(mark, login->insecure ? "insecure" : NULL);
}

static uint64_t
mark_list(uint64_t mark, char *const *list)
{
	for (; list != NULL && *list != NULL; list++)
		mark = mark_text(mark, *list);
	return mark_text(mark, NULL);
}

static uint64_t
mark_all(const struct login *login)
{
	uint64_t mark = mark_wire(login);

	mark = mark_text(mark, login->token);
	mark = mark_text(mark, login->user);
	mark = mark_text(mark, login->password);
	mark = mark_text(mark, login->as_user);
	mark = mark_text(mark, login->as_uid);
	mark = mark_list(mark, login->as_groups);
	return mark_list(mark, login->as_extra);
}

static uint64_t
mark_exec(const struct exec_plan *exec)
{
	uint64_t mark = 0;
	size_t i;

	if (exec == NULL)
		return 0;
	mark = mark_text(mark, exec->version);
	for (i = 0; exec->argv[i] != NULL; i++)
		mark = mark_text(mark, exec->argv[i]);
	for (i = 0; exec->env[i] != NULL; i++)
		mark = mark_text(mark, exec->env[i]);
	return mark;
}

/* Logins --------------------------------------------------------------------------------- */

/* Makes `now` of the plan and the exec plugin's answer. */
static void
logins_compose(struct logins *logins)
{
	const struct exec_answer *answer = exec_answer(logins->exec);
	unsigned generation = logins->now.generation;
	unsigned version = logins->now.version;
	struct login *now = &logins->now;
	uint64_t wire, all;

	*now = logins->plan->login;
	if (logins->plan->exec != NULL && answer != NULL) {
		if (answer->token != NULL)
			now->token = answer->token;
		if (answer->cert != NULL) {
			now->cert = answer->cert;
			now->cert_len = answer->cert_len;
			now->key = answer->key;
			now->key_len = answer->key_len;
		}
	}
	wire = mark_wire(now);
	all = mark_all(now);
	now->generation = generation + (wire != logins->wire_mark);
	now->version = version + (all != logins->all_mark);
	logins->wire_mark = wire;
	logins->all_mark = all;
}

/* A file has gone bad under a plan that works: said once. */
static void
logins_warn(struct logins *logins, const char *why)
{
	if (strcmp(logins->told, why) == 0)
		return;
	snprintf(logins->told, sizeof(logins->told), "%s", why);
	if (*why != '\0')
		say(&logins->guest, LOG_WARNING,
		    "%s; what it said last stays in use", why);
}

static void
on_exec(void *arg)
{
	struct logins *logins = arg;

	if (logins->plan != NULL)
		logins_compose(logins);
	logins->on_change(logins->arg);
}

static void
logins_exec_reset(struct logins *logins)
{
	exec_free(logins->exec);
	logins->exec = exec_new(&logins->guest, on_exec, logins);
	logins->ran_ms = 0;
}

static void
logins_read(struct logins *logins)
{
	struct plan *plan = plan_read(logins->path), *old = logins->plan;

	logins->read_ms = guest_now_ms(&logins->guest);
	logins->read_again = false;
	snprintf(logins->why, sizeof(logins->why), "%s", plan->why);
	if (old != NULL)
		logins_warn(logins, plan->why);
	if (plan->why[0] != '\0') {
		plan_free(plan);
		return;
	}
	if (mark_exec(plan->exec) != logins->exec_mark)
		logins_exec_reset(logins);
	logins->exec_mark = mark_exec(plan->exec);
	logins->plan = plan;
	logins_compose(logins);
	plan_free(old);
}

/* Are the files as they were? A broken one is tried at each look. */
static void
logins_look(struct logins *logins)
{
	int64_t now = guest_now_ms(&logins->guest);

	if (logins->looked_ms != 0 && now - logins->looked_ms < LOOK_MS &&
	    (!logins->read_again || now - logins->read_ms < LOOK_MS))
		return;
	logins->looked_ms = now;
	if (logins->plan == NULL || logins->read_again ||
	    logins->why[0] != '\0' || now - logins->read_ms >= READ_MS ||
	    plan_is_stale(logins->plan))
		logins_read(logins);
}

/* A little before it ends: a tenth of its life, at most a minute. */
static bool
answer_is_old(const struct exec_answer *answer, int64_t now)
{
	int64_t margin;

	if (answer->ends_ms == 0)
		return false;
	margin = (answer->ends_ms - answer->came_ms) / 10;
	return now >= answer->ends_ms - (margin < 60000 ? margin : 60000);
}

/* Is it time to run the plugin? One that was of no use rests a while. */
static bool
exec_is_due(const struct logins *logins, int64_t now)
{
	const struct exec_answer *answer = exec_answer(logins->exec);
	bool useless =
	    exec_why(logins->exec)[0] != '\0' || answer == NULL ||
	    logins->run_again ||
	    (answer->ends_ms != 0 && answer->ends_ms <= answer->came_ms);

	if (exec_is_running(logins->exec) ||
	    (logins->ran_ms != 0 &&
		now - logins->ran_ms < (useless ? EXEC_BACK_MS : LOOK_MS)))
		return false;
	return answer == NULL || logins->run_again ||
	       answer_is_old(answer, now);
}

/* Is there an answer to work with? */
static bool
logins_exec(struct logins *logins, const char **why)
{
	const struct exec_answer *answer = exec_answer(logins->exec);
	int64_t now = guest_now_ms(&logins->guest);

	if (exec_is_due(logins, now)) {
		logins->ran_ms = now;
		logins->run_again = false;
		exec_start(logins->exec, logins->plan);
	}
	if (answer != NULL && (answer->ends_ms == 0 || now < answer->ends_ms))
		return true;
	*why = exec_is_running(logins->exec) ? "exec plugin is running"
	       : exec_why(logins->exec)[0] != '\0'
		   ? exec_why(logins->exec)
		   : "what the exec plugin gave has expired; is the clock "
		     "right, here and where it comes from?";
	return false;
}

const struct login *
logins_get(struct logins *logins, const char **why)
{
	logins_look(logins);
	if (logins->plan == NULL) {
		*why = logins->why;
		return NULL;
	}
	if (logins->plan->exec != NULL && !logins_exec(logins, why))
		return NULL;
	return &logins->now;
}

bool
logins_is_busy(const struct logins *logins)
{
	return exec_is_running(logins->exec);
}

void
logins_refused(struct logins *logins, unsigned version)
{
	if (version == logins->now.version)
		logins->read_again = logins->run_again = true;
}

struct logins *
logins_open(struct guest *guest, const char *path, void (*on_change)(void *arg),
    void *arg)
{
	struct logins *logins = k8s_alloc(sizeof(*logins));

	logins->guest = *guest;
	logins->path = k8s_copy(path);
	logins->on_change = on_change;
	logins->arg = arg;
	logins->exec = exec_new(&logins->guest, on_exec, logins);
	return logins;
}

void
logins_close(struct logins *logins)
{
	exec_free(logins->exec);
	plan_free(logins->plan);
	free(logins->path);
	free(logins);
}
