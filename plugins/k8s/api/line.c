/* SPDX-License-Identifier: ISC */
/* Connections to an API server: curl's multi interface in the host's loop. */

/*
 * A line belongs to one generation of a login: its certificates, its proxy, its
 * server. Connections and TLS sessions are used again within a line, and never
 * by another.
 *
 * Watches live as long as their connection: curl lets go of a socket after each
 * answer and takes it again with the next request, which would cost two calls of
 * epoll_ctl for each. What comes on one that is nobody's (the server hangs up)
 * is looked at by curl when it wants to use it.
 *
 * HTTP/1.1, not 2: measured with curl 7.88 against kube-apiserver 1.36, a small
 * PATCH costs 170-190 us of CPU over eight connections, and 205 us as one of
 * eight streams; the connections hold 0.3 MB more.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "http.h"

#define CONNECT_MS   10000
#define KEEP_IDLE_S  30
#define KEEP_EACH_S  10
#define DEAD_MS	     30000 /* sent and not acknowledged */
#define IDLE_MAX     16	   /* handles kept for the next request */
#define CONNECTS_MAX 48	   /* before idle ones are closed for new ones */
#define BUFFER_LEN   16384

struct socket {
	LIST_ENTRY(socket) link;
	struct line *line;
	struct bgpd_watch *watch;
	curl_socket_t fd;
	bool ours;   /* we are told when it is closed */
	bool wanted; /* by curl */
};

struct line {
	struct guest *guest;
	void (*on_turn)(void *arg);
	void *arg;
	CURLM *multi;
	CURLSH *share; /* TLS sessions */
	struct bgpd_timer *timer;
	LIST_HEAD(, socket) sockets;
	CURL *idle[IDLE_MAX];
	unsigned idle_count, under_way, generation;
	unsigned inside;    /* curl's functions that run */
	bool due;	    /* curl wants its turn now */
	struct login login; /* own copies of what connections need */
	char *base;	    /* what a path is put behind */
	char *host;	    /* "Host: ..." where it is not the URL's; NULL */
	struct curl_slist *connect_to;
	char agent[64];
};

#define HOST(line) (line)->guest->host

/* Sockets --------------------------------------------------------------------------- */

static struct socket *
socket_find(struct line *line, curl_socket_t fd)
{
	struct socket *socket;

	LIST_FOREACH (socket, &line->sockets, link) {
		if (socket->fd == fd)
			return socket;
	}
	return NULL;
}

static void
socket_drop(struct socket *socket)
{
	LIST_REMOVE(socket, link);
	HOST(socket->line)->watch_free(socket->watch);
	free(socket);
}

/* Hands curl what is ready or due, then the line's owner what has ended. */
static void
line_run(struct line *line, curl_socket_t fd, int what)
{
	int running;

	line->inside++;
	curl_multi_socket_action(line->multi, fd, what, &running);
	line->inside--;
}

static void
on_ready(void *arg, unsigned what)
{
	struct socket *socket = arg;
	struct line *line = socket->line;

	if (!socket->wanted) {
		HOST(line)->watch_set(socket->watch, 0);
		return;
	}
	line_run(line, socket->fd,
	    (what & BGPD_READ ? CURL_CSELECT_IN : 0) |
		(what & BGPD_WRITE ? CURL_CSELECT_OUT : 0));
	line->on_turn(line->arg);
}

static struct socket *
socket_add(struct line *line, curl_socket_t fd, bool ours)
{
	struct socket *socket = k8s_alloc(sizeof(*socket));

	socket->line = line;
	socket->fd = fd;
	socket->ours = ours;
	socket->watch =
	    HOST(line)->watch_new(line->guest->self, fd, on_ready, socket);
	LIST_INSERT_HEAD(&line->sockets, socket, link);
	return socket;
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	static const unsigned wants[] = { [CURL_POLL_IN] = BGPD_READ,
		[CURL_POLL_OUT] = BGPD_WRITE,
		[CURL_POLL_INOUT] = BGPD_READ | BGPD_WRITE };
	struct line *line = arg;
	struct socket *socket = socket_find(line, fd);

	(void)easy, (void)unused;
	if (what == CURL_POLL_REMOVE) {
		if (socket != NULL && !socket->ours)
			socket_drop(socket);
		else if (socket != NULL)
			socket->wanted = false;
		return 0;
	}
	if (socket == NULL) /* the resolver's */
		socket = socket_add(line, fd, false);
	socket->wanted = true;
	HOST(line)->watch_set(socket->watch, wants[what]);
	return 0;
}

/* A connection is about to be made. */
static int
on_open(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	unsigned dead_ms = DEAD_MS;

	(void)purpose;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
	socket_add(arg, fd, true);
	return CURL_SOCKOPT_OK;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	struct socket *socket = socket_find(arg, fd);

	if (socket != NULL)
		socket_drop(socket);
	return close(fd);
}

/* Time ------------------------------------------------------------------------------ */

static int
on_timer(CURLM *multi, long after_ms, void *arg)
{
	struct line *line = arg;

	(void)multi;
	line->due = after_ms == 0;
	if (after_ms < 0)
		HOST(line)->timer_stop(line->timer);
	else
		HOST(line)->timer_start(line->timer, after_ms);
	return 0;
}

static void
on_time(void *arg)
{
	struct line *line = arg;

	line->due = false;
	line_run(line, CURL_SOCKET_TIMEOUT, 0);
	line->on_turn(line->arg);
}

void
line_push(struct line *line)
{
	if (!line->due || line->inside > 0)
		return;
	line->due = false;
	line_run(line, CURL_SOCKET_TIMEOUT, 0);
}

void
line_resume(struct line *line, CURL *easy)
{
	line->inside++;
	curl_easy_pause(easy, CURLPAUSE_CONT);
	line->inside--;
}

void
line_flush(struct line *line, int64_t ms)
{
	int64_t now_ms = guest_now_ms(line->guest), end_ms = now_ms + ms;
	int running = 1;

	line->inside++;
	while (now_ms < end_ms) {
		curl_multi_perform(line->multi, &running);
		if (running == 0)
			break;
		curl_multi_poll(
		    line->multi, NULL, 0, (int)(end_ms - now_ms), NULL);
		now_ms = guest_now_ms(line->guest);
	}
	line->inside--;
}

/* What handles know of the server --------------------------------------------------------- */

static struct curl_blob
blob_of(const char *pem, size_t len)
{
	return (
	    struct curl_blob){ (void *)(uintptr_t)pem, len, CURL_BLOB_NOCOPY };
}

static void
easy_set_tls(CURL *easy, const struct login *login)
{
	struct curl_blob ca = blob_of(login->ca, login->ca_len);
	struct curl_blob cert = blob_of(login->cert, login->cert_len);
	struct curl_blob key = blob_of(login->key, login->key_len);

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_keep_buffers(easy);
	if (login->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (login->ca != NULL) {
		/* Nobody else is trusted: not the system's store either. */
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (login->cert != NULL) {
		curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &cert);
		curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
	}
}

/* Variables of the environment as client-go reads them: small letters last. */
static const char *
variable(const char *upper, const char *lower)
{
	const char *value = getenv(upper);

	if (value == NULL || *value == '\0')
		value = getenv(lower);
	return value != NULL && *value != '\0' ? value : NULL;
}

static bool
host_is_loopback(const char *server)
{
	const char *host = strstr(server, "://");

	host = host == NULL ? server : host + 3;
	return strncasecmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]", 5) == 0;
}

/* proxy-url says it; else the environment, and then not for ourselves. */
static void
easy_set_proxy(CURL *easy, const struct login *login)
{
	bool tls = strncmp(login->server, "https:", 6) == 0;
	const char *proxy = login->proxy_url, *but = NULL;

	if (proxy == NULL && !host_is_loopback(login->server)) {
		proxy = tls ? variable("HTTPS_PROXY", "https_proxy")
			    : variable("HTTP_PROXY", "http_proxy");
		but = variable("NO_PROXY", "no_proxy");
	}
	/* "" and not NULL: else curl asks the environment itself. */
	curl_easy_setopt(easy, CURLOPT_PROXY, proxy == NULL ? "" : proxy);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, but == NULL ? "" : but);
}

static void
easy_set_loop(CURL *easy, struct line *line)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A slow name server must not hold the loop when we give up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_SHARE, line->share);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, line);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, line);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEP_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEP_EACH_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	/* Bounds what is read at once, and what each watch costs. */
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_LEN);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_LEN);
}

static CURL *
easy_new(struct line *line)
{
	const struct login *login = &line->login;
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		abort(); /* as k8s_alloc */
	easy_set_loop(easy, line);
	easy_set_tls(easy, login);
	easy_set_proxy(easy, login);
	curl_easy_setopt(
	    easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, line->agent);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, line->connect_to);
	return easy;
}

/* Requests ------------------------------------------------------------------------------- */

static void
easy_set_method(CURL *easy, const struct api_request *request)
{
	bool get = strcmp(request->method, "GET") == 0;

	if (request->type != NULL) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	} else
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_CUSTOMREQUEST, get ? NULL : request->method);
}

CURL *
line_take(struct line *line, const struct api_request *request)
{
	CURL *easy = line->idle_count > 0 ? line->idle[--line->idle_count]
					  : easy_new(line);
	char *url = k8s_print("%s%s", line->base, request->path);

	curl_easy_setopt(easy, CURLOPT_URL, url);
	free(url);
	easy_set_method(easy, request);
	return easy;
}

void
line_start(struct line *line, CURL *easy)
{
	curl_multi_add_handle(line->multi, easy);
	line->under_way++;
}

void
line_give(struct line *line, CURL *easy)
{
	line->inside++;
	curl_multi_remove_handle(line->multi, easy);
	line->inside--;
	line->under_way--;
	if (line->idle_count < IDLE_MAX)
		line->idle[line->idle_count++] = easy;
	else
		curl_easy_cleanup(easy);
}

CURL *
line_ended(struct line *line, CURLcode *code)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(line->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*code = message->data.result;
		return message->easy_handle;
	}
	return NULL;
}

struct curl_slist *
line_headers(
    const struct line *line, const struct login *login, const char *type)
{
	struct curl_slist *list =
	    curl_slist_append(NULL, "Accept: application/json");

	if (line->host != NULL)
		list = curl_slist_append(list, line->host);
	list = header_add(list, "Content-Type: ", type);
	return header_add_login(list, login);
}

/* Opening -------------------------------------------------------------------------------- */

/*
 * tls-server-name: the URL has that name, and the connection goes to where the
 * server is; then Host must be said apart.
 */
static void
line_rename(struct line *line, const char *server, const char *name)
{
	const char *host = strstr(server, "://") + 3;
	const char *path = host + strcspn(host, "/"), *colon, *p;
	char *text;

	/* The last one, and not inside of [::1]. */
	for (colon = NULL, p = host; p < path; p++)
		colon = *p == ':' ? p : *p == ']' ? NULL : colon;
	if (colon == NULL)
		colon = path;
	text = k8s_print("::%.*s%s", (int)(path - host), host,
	    colon < path		       ? ""
	    : strncmp(server, "https", 5) == 0 ? ":443"
					       : ":80");
	line->connect_to = curl_slist_append(NULL, text);
	free(text);
	line->host = k8s_print("Host: %.*s", (int)(path - host), host);
	free(line->base);
	line->base =
	    k8s_print("%.*s%s%s", (int)(host - server), server, name, colon);
}

static void
line_copy_login(struct line *line, const struct login *login)
{
	struct login *own = &line->login;

	own->server = k8s_copy(login->server);
	own->proxy_url = k8s_copy(login->proxy_url);
	own->ca = k8s_copy(login->ca);
	own->cert = k8s_copy(login->cert);
	own->key = k8s_copy(login->key);
	own->ca_len = own->ca == NULL ? 0 : strlen(own->ca);
	own->cert_len = own->cert == NULL ? 0 : strlen(own->cert);
	own->key_len = own->key == NULL ? 0 : strlen(own->key);
	own->insecure = login->insecure;
	line->generation = login->generation;
	line->base = k8s_copy(login->server);
	if (login->tls_server_name != NULL)
		line_rename(line, login->server, login->tls_server_name);
}

struct line *
line_open(struct guest *guest, const struct login *login,
    void (*on_turn)(void *arg), void *arg)
{
	struct line *line = k8s_alloc(sizeof(*line));

	line->guest = guest;
	line->on_turn = on_turn;
	line->arg = arg;
	LIST_INIT(&line->sockets);
	line_copy_login(line, login);
	snprintf(line->agent, sizeof(line->agent), "fairway/%s (bgpd k8s)",
	    guest->host->version);
	line->timer = guest->host->timer_new(guest->self, on_time, line);
	line->multi = curl_multi_init();
	line->share = curl_share_init();
	if (line->multi == NULL || line->share == NULL)
		abort(); /* as k8s_alloc */
	curl_share_setopt(
	    line->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_multi_setopt(line->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(line->multi, CURLMOPT_SOCKETDATA, line);
	curl_multi_setopt(line->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(line->multi, CURLMOPT_TIMERDATA, line);
	curl_multi_setopt(
	    line->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTS_MAX);
	return line;
}

void
line_close(struct line *line)
{
	struct login *own = &line->login;

	while (line->idle_count > 0)
		curl_easy_cleanup(line->idle[--line->idle_count]);
	curl_multi_cleanup(line->multi);
	curl_share_cleanup(line->share);
	while (!LIST_EMPTY(&line->sockets))
		socket_drop(LIST_FIRST(&line->sockets));
	HOST(line)->timer_free(line->timer);
	curl_slist_free_all(line->connect_to);
	if (own->key != NULL)
		explicit_bzero(own->key, own->key_len);
	free(own->server);
	free(own->proxy_url);
	free(own->ca);
	free(own->cert);
	free(own->key);
	free(line->base);
	free(line->host);
	free(line);
}

unsigned
line_generation(const struct line *line)
{
	return line->generation;
}

bool
line_is_inside(const struct line *line)
{
	return line->inside > 0;
}

unsigned
line_under_way(const struct line *line)
{
	return line->under_way;
}
