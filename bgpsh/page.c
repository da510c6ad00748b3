/* SPDX-License-Identifier: ISC */
/* Output through "| include REGEX" and, on a terminal, through a pager. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bgpsh.h"

/* What is held back until it is known whether it is an answer or a fault. */
#define HOLD 65536

enum filter { FILTER_NONE, INCLUDE, EXCLUDE, BEGIN, COUNT };

static const char *const filters[] = { NULL, "include", "exclude", "begin",
	"count" };

/* Only shows are filtered: a description may hold a bar. */
static bool
is_show(const char *line)
{
	line += strspn(line, " ");
	if (strncmp(line, "do ", 3) == 0)
		line += 3 + strspn(line + 3, " ");
	return strncmp(line, "sh", 2) == 0 ||
	       strncmp(line, "write t", 7) == 0 ||
	       strncmp(line, "list", 4) == 0;
}

static int
filter_find(const char *word, size_t len)
{
	for (int i = INCLUDE; i <= COUNT; i++)
		if (len > 0 && strncmp(filters[i], word, len) == 0)
			return i;
	return FILTER_NONE;
}

static int
filter_read(struct page *p, char *bar)
{
	char *word = bar + 1 + strspn(bar + 1, " ");
	size_t len = strcspn(word, " ");
	char *regex = word + len + strspn(word + len, " ");
	size_t end = strlen(regex);

	while (end > 0 && strchr(" \n", regex[end - 1]) != NULL)
		regex[--end] = '\0';
	p->filter = filter_find(word, len);
	if (p->filter == FILTER_NONE || (end == 0 && p->filter != COUNT)) {
		fprintf(stderr, "%% | takes include, exclude, begin or count, "
				"and a regular expression\n");
		return -1;
	}
	if (regcomp(&p->regex, regex, REG_EXTENDED | REG_NOSUB) != 0) {
		fprintf(stderr, "%% not a regular expression: %s\n", regex);
		p->filter = FILTER_NONE;
		return -1;
	}
	return 0;
}

int
page_begin(struct page *p, char *line, size_t screen)
{
	char *bar = is_show(line) ? strstr(line, " | ") : NULL;

	memset(p, 0, sizeof(*p));
	p->to = stdout;
	p->screen = screen;
	if (bar == NULL)
		return 0;
	*bar++ = '\0';
	return filter_read(p, bar);
}

static bool
append(char **s, size_t *len, size_t *capacity, const char *more, size_t n)
{
	if (*len + n > *capacity) {
		size_t want = (*len + n) * 2 + 4096;
		char *grown = realloc(*s, want);

		if (grown == NULL)
			return false;
		*s = grown;
		*capacity = want;
	}
	if (n > 0)
		memcpy(*s + *len, more, n);
	*len += n;
	return true;
}

static bool
in_path(const char *name)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (; path != NULL && *path != '\0'; path += *path == ':') {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);
		if (access(file, X_OK) == 0)
			return true;
		path += len;
	}
	return false;
}

static void
pager_open(struct page *p)
{
	const char *pager = getenv("PAGER");

	if (pager == NULL || *pager == '\0')
		pager = in_path("less")	  ? "less -FRX"
			: in_path("more") ? "more"
					  : NULL;
	if (pager == NULL)
		return;
	fflush(stdout);
	p->pager = popen(pager, "w");
	if (p->pager != NULL)
		p->to = p->pager;
}

/* What was held goes out; from here on text goes straight through. */
static void
stream(struct page *p)
{
	if (p->screen > 0 && p->held_lines >= p->screen)
		pager_open(p);
	if (p->len > 0)
		fwrite(p->text, 1, p->len, p->to);
	p->len = 0;
	p->streaming = true;
}

static void
put(struct page *p, const char *text, size_t len)
{
	if (p->streaming) {
		fwrite(text, 1, len, p->to);
		return;
	}
	for (size_t i = 0; i < len; i++)
		p->held_lines += text[i] == '\n';
	if (!append(&p->text, &p->len, &p->capacity, text, len) ||
	    p->len > HOLD)
		stream(p);
}

static void
put_line(struct page *p, char *line, size_t len)
{
	bool match;

	line[len - 1] = '\0';
	match = regexec(&p->regex, line, 0, NULL, 0) == 0;
	line[len - 1] = '\n';
	p->begun |= match;
	p->count += match;
	if ((p->filter == INCLUDE && match) ||
	    (p->filter == EXCLUDE && !match) ||
	    (p->filter == BEGIN && p->begun))
		put(p, line, len);
}

void
page_text(void *arg, const char *text, size_t len)
{
	struct page *p = arg;
	char *line, *end;
	size_t used = 0;

	/* A fault is told whole. */
	if (!p->seen && len > 0)
		p->raw = *text == '%';
	p->seen = true;
	if (p->filter == FILTER_NONE || p->raw) {
		put(p, text, len);
		return;
	}
	if (!append(
		&p->partial, &p->partial_len, &p->partial_capacity, text, len))
		return;
	while (used < p->partial_len &&
	       (line = p->partial + used,
		   end = memchr(line, '\n', p->partial_len - used)) != NULL) {
		put_line(p, line, (size_t)(end - line) + 1);
		used = (size_t)(end - p->partial) + 1;
	}
	memmove(p->partial, p->partial + used, p->partial_len - used);
	p->partial_len -= used;
}

void
page_end(struct page *p, bool failed)
{
	if (failed && !p->streaming)
		p->to = stderr;
	if (p->partial_len > 0)
		page_text(p, "\n", 1);
	if (p->filter == COUNT && !failed)
		fprintf(p->to, "%zu\n", p->count);
	if (!p->streaming) {
		if (failed)
			p->screen = 0;
		stream(p);
	}
	fflush(p->to);
	if (p->pager != NULL)
		pclose(p->pager);
	if (p->filter != FILTER_NONE)
		regfree(&p->regex);
	free(p->text);
	free(p->partial);
}
