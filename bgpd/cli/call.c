/* SPDX-License-Identifier: ISC */
/* A command under way: its words by name, its output, its cursor. */
#include <string.h>

#include "cli/engine.h"
#include "cli/out.h"
#include "util/arena.h"
#include "util/mem.h"

struct arg {
	const char *token; /* of the syntax */
	const char *word;  /* as it was said; a keyword in full */
};

struct cli_call {
	const struct cli_row *row;
	struct arena *arena;
	struct arg *args;
	unsigned arg_count;
	struct out *out;
	void *session;
	void *state;
	void (*free_state)(void *);
	bool done;
};

static void
keep_args(struct cli_call *call, const struct matcher *m)
{
	const struct match *match = &m->best;

	call->args = arena_alloc(
	    call->arena, (match->bind_count + 1) * sizeof(struct arg));
	for (unsigned i = 0; i < match->bind_count; i++) {
		const struct bind *bind = &match->binds[i];
		struct arg *arg = &call->args[call->arg_count++];

		arg->token = arena_string(call->arena, bind->part->word);
		arg->word =
		    bind->part->kind == PART_WORD
			? arg->token
			: arena_string(call->arena, line_word(m->line, bind));
	}
}

static struct cli_call *
call_make(const struct matcher *m, void *session)
{
	struct cli_call *call = mem_alloc(sizeof(*call));

	call->row = m->best.steps[0].code->row;
	call->arena = arena_new();
	call->session = session;
	keep_args(call, m);
	call->out = out_new(call_has(call, "json"));
	return call;
}

/* The only fault of the list, as one text. */
static void
say_fault(struct cli_fault_list *faults, struct text *why)
{
	if (faults->count > 0)
		text_add(why, "%s", faults->items[0].text);
	cli_faults_clear(faults);
}

struct cli_call *
cli_call_new(struct cli *cli, const char *line, bool anywhere, void *session,
    struct text *why)
{
	struct cli_fault_list faults = { 0 };
	struct origin origin = { .faults = &faults };
	struct matcher *m = mem_alloc(sizeof(*m));
	struct line *cut = mem_alloc(sizeof(*cut));
	const struct mode *mode = cli_mode(cli, NULL);
	struct cli_call *call = NULL;

	if (line_split(cut, line, strlen(line), why) != 0)
		goto out;
	match_start(m, cli, cut);
	m->calls = true;
	m->anywhere = anywhere;
	if (cut->count > 0)
		match_mode(m, mode, NULL);
	if (m->found && !m->best.bad && !m->rival)
		call = call_make(m, session);
	else if (cut->count > 0)
		origin_no_match(&origin, m, mode, NULL);
	say_fault(&faults, why);
out:
	arena_reset(cli->scratch);
	mem_free(cut);
	mem_free(m);
	return call;
}

int
cli_call_run(struct cli_call *call)
{
	int rc = call->done ? 0 : call->row->run(call);

	if (rc != 1) {
		call->done = true;
		if (rc == 0)
			out_finish(call->out);
	}
	return rc;
}

void
cli_call_free(struct cli_call *call)
{
	if (call == NULL)
		return;
	if (call->state != NULL && call->free_state != NULL)
		call->free_state(call->state);
	out_free(call->out);
	arena_free(call->arena);
	mem_free(call);
}

const char *
call_arg(const struct cli_call *call, const char *token)
{
	for (unsigned i = 0; i < call->arg_count; i++)
		if (strcmp(call->args[i].token, token) == 0)
			return call->args[i].word;
	return NULL;
}

bool
call_has(const struct cli_call *call, const char *token)
{
	return call_arg(call, token) != NULL;
}

struct out *
call_out(const struct cli_call *call)
{
	return call->out;
}

const struct cli_row *
call_row(const struct cli_call *call)
{
	return call->row;
}

void *
call_session(const struct cli_call *call)
{
	return call->session;
}

void **
call_state(struct cli_call *call, void (*free_state)(void *))
{
	call->free_state = free_state;
	return &call->state;
}

/* In text and in JSON alike: a failed verb answers with its reason alone. */
int
call_fail(struct cli_call *call, const char *format, ...)
{
	struct text *out = out_text(call->out);
	va_list ap;

	text_clear(out);
	text_add(out, "%% ");
	va_start(ap, format);
	text_addv(out, format, ap);
	va_end(ap);
	text_char(out, '\n');
	return -1;
}
