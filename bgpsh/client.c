/* SPDX-License-Identifier: ISC */
/* The control socket: requests out, framed answers in; see bgpd/shell.c. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bgpsh.h"

#define GREETING  "fairway-shell 1"
#define FRAME_MAX (64u << 20)

struct frame {
	char type;
	int status;
	char *data; /* terminated; valid until the next one is read */
	size_t len;
};

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->len = 0;
}

static int
grow(struct client *c, size_t need)
{
	char *in;

	if (need <= c->capacity)
		return 0;
	need += need / 2 + 4096;
	in = realloc(c->in, need);
	if (in == NULL)
		return -1;
	c->in = in;
	c->capacity = need;
	return 0;
}

/* More bytes; an interrupt only makes the answer silent. */
static int
fill(struct client *c)
{
	ssize_t n;

	if (grow(c, c->len + 65536) != 0)
		return -1;
	do
		n = read(c->fd, c->in + c->len, 65536);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	c->len += (size_t)n;
	return 0;
}

/* Parses the frame that lies in front: 1, 0 when more is needed, -1. */
static int
frame_take(struct client *c, struct frame *f, size_t *used)
{
	char *end = c->len > 0 ? memchr(c->in, '\n', c->len) : NULL;
	char head[64];
	size_t head_len;

	if (end == NULL)
		return c->len > sizeof(head) ? -1 : 0;
	head_len = (size_t)(end - c->in) + 1;
	if (head_len >= sizeof(head))
		return -1;
	memcpy(head, c->in, head_len);
	head[head_len] = '\0';
	if (sscanf(head, "%c %d %zu", &f->type, &f->status, &f->len) != 3 ||
	    f->len > FRAME_MAX)
		return -1;
	if (c->len < head_len + f->len)
		return 0;
	f->data = c->in + head_len;
	*used = head_len + f->len;
	return 1;
}

/* The next frame, copied out so that the buffer may move; -1: none will come. */
static int
frame_read(struct client *c, struct frame *f, bool wait)
{
	size_t used = 0;
	char *data;
	int rc;

	while ((rc = frame_take(c, f, &used)) == 0) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };

		if (!wait && poll(&p, 1, 0) <= 0)
			return 0;
		if (fill(c) != 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	data = malloc(f->len + 1);
	if (data == NULL)
		return -1;
	memcpy(data, f->data, f->len);
	data[f->len] = '\0';
	f->data = data;
	memmove(c->in, c->in + used, c->len - used);
	c->len -= used;
	return 1;
}

static void
take_prompt(struct client *c, const struct frame *f)
{
	snprintf(c->prompt, sizeof(c->prompt), "%s", f->data);
}

/* The end of an answer, or a piece of it; ANSWER_LOST here: go on. */
static enum answer
frame_handle(struct client *c, const struct frame *f,
    void (*on_text)(void *, const char *, size_t), void *arg)
{
	switch (f->type) {
	case 'o':
		if (on_text != NULL && !was_interrupted)
			on_text(arg, f->data, f->len);
		return ANSWER_LOST;
	case 'l':
		if (c->on_log != NULL)
			c->on_log(f->data);
		return ANSWER_LOST;
	case 'p':
		take_prompt(c, f);
		return f->status == 0 ? ANSWER_OK : ANSWER_FAILED;
	case 'q':
		return ANSWER_OVER;
	default:
		return ANSWER_LOST;
	}
}

static enum answer
answer_read(
    struct client *c, void (*on_text)(void *, const char *, size_t), void *arg)
{
	enum answer answer = ANSWER_LOST;
	struct frame f;

	while (answer == ANSWER_LOST) {
		if (frame_read(c, &f, true) != 1) {
			client_close(c);
			return ANSWER_LOST;
		}
		answer = frame_handle(c, &f, on_text, arg);
		free(f.data);
	}
	if (answer == ANSWER_OVER)
		client_close(c);
	return answer;
}

static void
greeting_text(void *arg, const char *text, size_t len)
{
	(void)arg;
	fwrite(text, 1, len, stderr); /* "Too many shell sessions" */
}

int
client_connect(struct client *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct frame f;

	if (strlen(c->path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun.sun_path, c->path);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -1;
	if (connect(c->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		goto fail;
	errno = EPROTO;
	if (frame_read(c, &f, true) != 1)
		goto fail;
	if (f.type != 'h' || strcmp(f.data, GREETING) != 0) {
		free(f.data);
		goto fail;
	}
	free(f.data);
	if (answer_read(c, greeting_text, NULL) == ANSWER_OK)
		return 0;
	errno = ECONNREFUSED;
fail : {
	int why = errno;

	client_close(c);
	errno = why;
	return -1;
}
}

static int
send_all(int fd, const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, s, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		s += n;
		len -= (size_t)n;
	}
	return 0;
}

enum answer
client_ask(struct client *c, char verb, const char *line,
    void (*on_text)(void *arg, const char *text, size_t len), void *arg)
{
	size_t len = strcspn(line, "\n");
	char head[2] = { verb, ' ' };

	if (c->fd < 0)
		return ANSWER_LOST;
	if (send_all(c->fd, head, sizeof(head)) != 0 ||
	    send_all(c->fd, line, len) != 0 || send_all(c->fd, "\n", 1) != 0) {
		client_close(c);
		return ANSWER_LOST;
	}
	return answer_read(c, on_text, arg);
}

int
client_idle(struct client *c)
{
	struct frame f;
	int rc;

	while ((rc = frame_read(c, &f, false)) == 1) {
		frame_handle(c, &f, NULL, NULL);
		free(f.data);
	}
	if (rc < 0)
		client_close(c);
	return rc;
}
