/* SPDX-License-Identifier: ISC */
/* The words of a line are walked through the parts of rows; the best wins. */
#include <ctype.h>
#include <string.h>

#include "cli/engine.h"
#include "util/arena.h"

/*
 * Each row is walked with backtracking. A word's quality says how well it stands
 * for its part; matches are compared word by word from the left, so that a word
 * beats a number, a number beats a beginning, a beginning beats a name, and a
 * value that does not read is kept only to say what is wrong with it.
 */
enum quality {
	QUALITY_NONE,
	QUALITY_BAD,
	QUALITY_LOOSE,
	QUALITY_BEGINNING,
	QUALITY_VALUE,
	QUALITY_WORD,
};

/* A line that needs more is an attempt at our time, not a configuration. */
#define WALK_BUDGET 200000

/* What follows when a branch has been walked. */
struct after {
	const struct part *next;
	const struct part *again; /* { }: other branches may follow */
	uint32_t used;
	const struct after *up;
};

static void walk(struct matcher *m, const struct part *p, unsigned w,
    const struct after *after);

int
line_split(struct line *line, const char *s, size_t len, struct text *why)
{
	line->count = 0;
	while (len > 0 && isblank((unsigned char)*s))
		s++, len--;
	line->open = len == 0 || isspace((unsigned char)s[len - 1]);
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		len--;
	if (len >= sizeof(line->raw)) {
		text_add(why, "line longer than %d bytes", LINE_MAX_BYTES - 1);
		return -1;
	}
	memcpy(line->raw, s, len);
	line->raw[len] = '\0';
	memcpy(line->cut, line->raw, len + 1);
	if (len == 0 || *s == '!' || *s == '#')
		return 0;
	for (size_t i = 0; i < len; i++) {
		if (isblank((unsigned char)s[i])) {
			line->cut[i] = '\0';
			continue;
		}
		if (iscntrl((unsigned char)s[i])) {
			text_add(why, "control character in the line");
			return -1;
		}
		if (i > 0 && line->cut[i - 1] != '\0')
			continue;
		if (line->count == LINE_MAX_WORDS) {
			text_add(why, "more than %d words", LINE_MAX_WORDS);
			return -1;
		}
		line->words[line->count++] = line->cut + i;
	}
	return 0;
}

static const char *
rest_of(const struct line *line, unsigned w)
{
	return line->raw + (line->words[w] - line->cut);
}

const char *
line_word(const struct line *line, const struct bind *bind)
{
	if (bind->part->kind == PART_VALUE && bind->part->field->value->rest)
		return rest_of(line, bind->word);
	return line->words[bind->word];
}

/* The word `w` is one that this row cannot take: remember the furthest. */
static void
miss(struct matcher *m, unsigned w)
{
	if (w < m->far || (w == m->far && w > m->begin))
		return;
	m->far = w;
	m->far_secret = -1;
	for (unsigned i = 0; i < m->now.bind_count; i++)
		if (m->now.binds[i].part->kind == PART_VALUE &&
		    m->now.binds[i].part->field->value == &cli_secret)
			m->far_secret = (int)m->now.binds[i].word;
}

static void
expect(struct matcher *m, const struct part *part)
{
	const struct code *code = m->now.steps[m->now.step_count - 1].code;

	if (part != NULL && m->skipping > 0)
		return;
	if (part != NULL)
		m->incomplete = true;
	if (m->expect != NULL)
		m->expect(m, code, part);
}

static void
keep_best(struct matcher *m)
{
	struct match *best = &m->best;
	const struct match *now = &m->now;

	memcpy(best->steps, now->steps, now->step_count * sizeof(*now->steps));
	memcpy(best->binds, now->binds, now->bind_count * sizeof(*now->binds));
	memcpy(best->quality, now->quality, m->end);
	best->step_count = now->step_count;
	best->bind_count = now->bind_count;
	best->bad = now->bad;
	best->guessed = now->guessed;
	m->rival = false;
	m->found = true;
}

/* Is a beginning before word `end` taken for different words? */
static bool
guessed_apart(const struct match *a, const struct match *b, unsigned end)
{
	for (unsigned i = 0; i < a->bind_count && i < b->bind_count; i++) {
		unsigned w = a->binds[i].word;

		if (w >= end || w != b->binds[i].word)
			return false;
		if (a->quality[w] == QUALITY_BEGINNING &&
		    strcmp(a->binds[i].part->word, b->binds[i].part->word) != 0)
			return true;
	}
	return false;
}

/* The first word that the two understand not equally well, or `end`. */
static unsigned
first_difference(
    const struct match *a, const struct match *b, unsigned begin, unsigned end)
{
	while (begin < end && a->quality[begin] == b->quality[begin])
		begin++;
	return begin;
}

/* The row has taken all words. */
static void
candidate(struct matcher *m)
{
	struct match *now = &m->now;
	unsigned at;
	bool apart;

	now->bad = memchr(now->quality + m->begin, QUALITY_BAD,
		       m->end - m->begin) != NULL;
	now->guessed = memchr(now->quality + m->begin, QUALITY_BEGINNING,
			   m->end - m->begin) != NULL;
	if (!m->found || now->bad < m->best.bad) {
		keep_best(m);
		return;
	}
	if (now->bad > m->best.bad)
		return;
	at = first_difference(now, &m->best, m->begin, m->end);
	apart = guessed_apart(now, &m->best, at);
	if (at < m->end && now->quality[at] > m->best.quality[at])
		keep_best(m);
	if (apart)
		m->rival = true;
}

static void walk_code(struct matcher *m, const struct code *code, unsigned w);

/* A removal needs to know what: at least the first key, unless there is one. */
static bool
says_key(const struct matcher *m, const struct code *code)
{
	const struct step *step = &m->now.steps[m->now.step_count - 1];

	return code->row->fields == NULL || (code->row->flags & CLI_ONE) ||
	       match_bind(&m->now, step, &code->row->fields[0]) != NULL;
}

/* The row's parts are walked to their end. */
static void
reached(struct matcher *m, unsigned w)
{
	struct step *step = &m->now.steps[m->now.step_count - 1];
	const struct code *code = step->code;
	const struct code *kid;

	step->end = m->now.bind_count;
	if (code->row->kind == CLI_NODE) {
		if (m->negate && w == m->end && !says_key(m, code))
			return;
		if (code->row->child->form == CLI_INLINE) {
			if (m->now.step_count < MATCH_STEPS)
				TAILQ_FOREACH (kid, &code->child->codes, link)
					walk_code(m, kid, w);
			if (!m->negate)
				return;
		}
	}
	if (w < m->end) {
		miss(m, w);
		return;
	}
	expect(m, NULL);
	candidate(m);
}

static unsigned
word_quality(const struct matcher *m, const char *word, const char *said)
{
	size_t len;

	if (strcmp(word, said) == 0)
		return QUALITY_WORD;
	len = strlen(said);
	return !m->whole && strncmp(word, said, len) == 0 ? QUALITY_BEGINNING
							  : QUALITY_NONE;
}

/* The value is kept for step_bind, which reads none twice. */
static unsigned
value_quality(
    struct matcher *m, const struct part *part, unsigned w, const void **read)
{
	const struct cli_field *f = part->field;
	const char *word =
	    f->value->rest ? rest_of(m->line, w) : m->line->words[w];
	struct text why = { 0 };
	unsigned quality;
	const struct cli_value *value = f->each != NULL ? f->each : f->value;
	void *dst;

	if (value->loose && f->min == 0 && f->max == 0)
		return QUALITY_LOOSE;
	dst = arena_alloc(m->cli->scratch, field_size(f) + 8);
	if (field_read(f, m->cli->scratch, word, dst, &why) != 0)
		quality = QUALITY_BAD;
	else {
		quality = value->loose ? QUALITY_LOOSE : QUALITY_VALUE;
		*read = dst;
	}
	text_free(&why);
	return quality;
}

static bool
take(struct matcher *m, const struct part *p, unsigned w, unsigned quality,
    const void *read)
{
	struct match *now = &m->now;

	if (now->bind_count == LINE_MAX_WORDS)
		return false;
	now->binds[now->bind_count++] = (struct bind){ p, w, read };
	now->quality[w] = (uint8_t)quality;
	return true;
}

/* `no` may leave out what stands here at the end. */
static void
skip(struct matcher *m, const struct part *p, unsigned w,
    const struct after *after)
{
	if (!m->negate)
		return;
	m->skipping++;
	walk(m, p->next, w, after);
	m->skipping--;
}

static void
walk_word(struct matcher *m, const struct part *p, unsigned w,
    const struct after *after)
{
	unsigned quality;

	if (w == m->end) {
		expect(m, p);
		if (m->now.steps[m->now.step_count - 1].code->row->kind ==
		    CLI_NODE)
			skip(m, p, w, after);
		return;
	}
	quality = word_quality(m, p->word, m->line->words[w]);
	if (quality == QUALITY_NONE) {
		miss(m, w);
		return;
	}
	if (take(m, p, w, quality, NULL)) {
		walk(m, p->next, w + 1, after);
		m->now.bind_count--;
	}
}

static void
walk_value(struct matcher *m, const struct part *p, unsigned w,
    const struct after *after)
{
	unsigned next = p->field->value->rest ? m->end : w + 1, quality;
	const void *read = NULL;

	if (w == m->end) {
		expect(m, p);
		skip(m, p, w, after);
		return;
	}
	quality = value_quality(m, p, w, &read);
	if (!take(m, p, w, quality, read))
		return;
	memset(m->now.quality + w, m->now.quality[w], next - w);
	walk(m, p->next, next, after);
	if (p->many && next < m->end)
		walk_value(m, p, next, after);
	else if (p->many)
		expect(m, p);
	m->now.bind_count--;
}

static void
walk_group(struct matcher *m, const struct part *p, unsigned w, uint32_t used,
    const struct after *after)
{
	uint32_t bit = 1;

	for (const struct branch *b = p->branches; b != NULL;
	     b = b->next, bit <<= 1) {
		struct after then = { p->next, p->unordered ? p : NULL,
			used | bit, after };

		if ((used & bit) == 0)
			walk(m, b->first, w, &then);
	}
	if (p->optional)
		walk(m, p->next, w, after);
}

static void
walk(struct matcher *m, const struct part *p, unsigned w,
    const struct after *after)
{
	if (m->budget == 0)
		return;
	m->budget--;
	if (p == NULL && after == NULL)
		reached(m, w);
	else if (p == NULL && after->again != NULL && w < m->end)
		walk_group(m, after->again, w, after->used, after->up);
	else if (p == NULL && after->again != NULL && m->expect != NULL)
		walk_group(m, after->again, w, after->used, after->up);
	else if (p == NULL)
		walk(m, after->next, w, after->up);
	else if (p->kind == PART_WORD)
		walk_word(m, p, w, after);
	else if (p->kind == PART_VALUE)
		walk_value(m, p, w, after);
	else
		walk_group(m, p, w, 0, after);
}

static void
walk_code(struct matcher *m, const struct code *code, unsigned w)
{
	struct match *now = &m->now;
	struct step *step;

	if (code->row->kind == CLI_HELP)
		return;
	if (code->first != NULL && w < m->end &&
	    code->first[0] != m->line->words[w][0]) {
		miss(m, w);
		return;
	}
	step = &now->steps[now->step_count++];
	step->code = code;
	step->first = step->end = now->bind_count;
	walk(m, code->parts, w, NULL);
	now->bind_count = step->first;
	now->step_count--;
}

void
match_start(struct matcher *m, struct cli *cli, const struct line *line)
{
	memset(m, 0, offsetof(struct matcher, now));
	m->now.step_count = m->now.bind_count = 0;
	m->cli = cli;
	m->line = line;
	m->end = line->count;
	m->rival = false;
	m->found = m->incomplete = false;
	m->far = 0;
	m->far_secret = -1;
	m->budget = WALK_BUDGET;
}

void
match_mode(
    struct matcher *m, const struct mode *mode, const struct cli_row *only)
{
	const struct code *code;

	if (m->far < m->begin)
		m->far = m->begin;
	TAILQ_FOREACH (code, &mode->codes, link) {
		if ((code->row->kind == CLI_RUN) != m->calls ||
		    (m->anywhere && !(code->row->flags & CLI_ANYWHERE)) ||
		    (m->negate && (code->row->kind == CLI_LEAVE)) ||
		    (only != NULL && code->mount->rows != only))
			continue;
		walk_code(m, code, m->begin);
	}
}

const struct bind *
match_bind(const struct match *match, const struct step *step,
    const struct cli_field *field)
{
	unsigned end = step == &match->steps[match->step_count - 1]
			   ? match->bind_count
			   : step->end;

	for (unsigned i = step->first; i < end; i++)
		if (match->binds[i].part->field == field)
			return &match->binds[i];
	return NULL;
}
