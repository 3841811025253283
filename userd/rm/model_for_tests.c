// SPDX-License-Identifier: BSD-3-Clause
/*
 * Six clients and the raw node on a TPM that can be looked into, and what each
 * must see.
 *
 * The bytes of an input choose the steps. The model knows by its own count what every
 * handle stands for: the id of an object, the updates of a sequence, the assertions of a
 * policy.
 *
 * The engine may die after any step, and in the middle of one (an error of the TPM's,
 * before or after the command was executed).
 *
 * A TPM that gives a false warning or fails to load may cost a client an answer or an
 * object, never somebody else's, and never the agreement.
 */
#include "rm/test_model.h"
#include "rm/test_world.h"

#include "rm/table.h"

/* How many objects one of them is let make, so that some places are left. */
#define OWN 9

/* Set by the first byte of an input: a life without raw node, or without mishaps. */
static bool without_raw, without_mishaps;

/* The clients, and now and then the raw node. */
static uint64_t choose_user(void)
{
	uint32_t i = world_choose(3 * CLIENTS + 1);

	return i || without_raw ? 1 + i % CLIENTS : RM_RAW;
}

static struct thing *find_thing(uint64_t whose, uint32_t handle)
{
	for (size_t i = 0; i < THINGS; i++)
		if (world.model.things[i].id && world.model.things[i].whose == whose &&
		    world.model.things[i].handle == handle)
			return &world.model.things[i];
	return NULL;
}

/* What the model knows is there, with the same meaning, and nothing else is. */
static void compare_model(void)
{
	size_t things = 0, parties = 0, raw = 0, held = 0;

	for (size_t i = 0; i < THINGS; i++) {
		const struct thing *thing = &world.model.things[i];
		const struct rm_object *object;
		uint32_t at = thing->handle;

		if (!thing->id)
			continue;
		if (thing->whose) {
			object = rm_object_find(&world.rm, thing->whose, thing->handle);
			MUST(object);
			at = object->loaded;
		}
		things += thing->whose != RM_RAW;
		raw += thing->whose == RM_RAW;
		MUST(!at || (test_tpm.objects[at & 3].id == thing->id &&
			     test_tpm.objects[at & 3].count == thing->count));
	}
	for (size_t i = 0; i < world.rm.top; i++)
		raw += world.rm.objects[i].loaded != 0;
	for (size_t i = 0; i < TEST_TPM_OBJECTS; i++)
		held += test_tpm.objects[i].id != 0;
	for (uint32_t i = 0; i < TEST_TPM_SESSIONS; i++) {
		const struct party *party = &world.model.parties[i];
		const struct rm_session *session = &world.rm.sessions[i];

		MUST(party->is == (test_tpm.sessions[i].state != TEST_SESSION_NONE));
		MUST((party->is && party->whose) == (session->state != RM_SESSION_NONE));
		MUST(!party->is || !party->whose || session->client == party->whose);
		MUST(!party->is || test_tpm.sessions[i].count == party->count);
		parties += party->is && party->whose;
	}
	MUST(world.rm.owned == things + parties && held == raw);
}

static uint32_t with_handle(uint64_t whose, uint32_t code, uint32_t handle)
{
	world_command(code);
	cursor_put_u32(&world.call.out, handle);
	return world_send(whose);
}

static uint32_t load(uint64_t whose, const struct blob *blob)
{
	world_command(TPM_CC_CONTEXT_LOAD);
	cursor_put_raw(&world.call.out, blob->bytes, blob->length);
	return world_send(whose);
}

static size_t count_things(uint64_t whose)
{
	size_t count = 0;

	for (size_t i = 0; i < THINGS; i++)
		count += world.model.things[i].id && world.model.things[i].whose == whose;
	return count;
}

static struct thing *choose_thing(uint64_t whose)
{
	uint32_t n = (uint32_t)count_things(whose);

	n = n ? world_choose(n) : 0;
	for (size_t i = 0; i < THINGS; i++)
		if (world.model.things[i].id && world.model.things[i].whose == whose && !n--)
			return &world.model.things[i];
	return NULL;
}

static struct party *choose_party(uint64_t whose)
{
	uint32_t first = world_choose(TEST_TPM_SESSIONS);

	for (uint32_t i = 0; i < TEST_TPM_SESSIONS; i++) {
		struct party *party = &world.model.parties[(first + i) % TEST_TPM_SESSIONS];

		if (party->is && party->whose == whose)
			return party;
	}
	return NULL;
}

/* Whether a client may be refused: for want of room, or for a fault. */
static bool something_is_in_the_way(void)
{
	bool any = false;

	for (size_t i = 0; i < TEST_TPM_SESSIONS; i++)
		any |= world.model.parties[i].is && !world.model.parties[i].whose;
	for (size_t i = 0; i < THINGS; i++)
		any |= world.model.things[i].doomed;
	return any || count_things(RM_RAW) || test_tpm.fault.hit;
}

static void expect_success(uint64_t whose)
{
	MUST(!world.call.rc || something_is_in_the_way() || whose == RM_RAW);
}

/* An injected failure to load costs the object or session that it hit. */
static void bear_losses(void)
{
	bool hit = test_tpm.fault.hit && test_tpm.fault.code == TPM_CC_CONTEXT_LOAD;

	for (size_t i = 0; i < THINGS; i++) {
		struct thing *thing = &world.model.things[i];

		if (thing->id && thing->whose && (hit || thing->doomed) &&
		    !rm_object_find(&world.rm, thing->whose, thing->handle))
			*thing = (struct thing){ 0 };
	}
	if (!hit)
		return;
	for (uint32_t i = 0; i < TEST_TPM_SESSIONS; i++)
		if (world.model.parties[i].is && world.model.parties[i].whose &&
		    world.rm.sessions[i].state == RM_SESSION_NONE)
			world.model.parties[i] = (struct party){ 0 };
}

static void remember(uint64_t whose, const struct context *from)
{
	struct thing *thing = NULL;

	for (size_t i = 0; i < THINGS && !thing; i++)
		if (!world.model.things[i].id)
			thing = &world.model.things[i];
	MUST(thing && !find_thing(whose, world_word(0)));
	*thing = (struct thing){
		.whose = whose,
		.handle = world_word(0),
		.id = world_word(1),
	};
	if (from) {
		MUST(thing->id == from->id);
		thing->count = from->count;
		thing->sequence = from->sequence;
	}
}

static void make_object(uint64_t whose)
{
	bool sequence = world_choose(2);

	if (count_things(whose) == OWN)
		return;
	world_command(sequence ? TEST_CC_HASH_START : TEST_CC_CREATE_PRIMARY);
	if (!sequence)
		cursor_put_u32(&world.call.out, 0x40000007);
	if (!world_send(whose)) {
		remember(whose, NULL);
		find_thing(whose, world_word(0))->sequence = sequence;
	}
	expect_success(whose);
}

static void make_session(uint64_t whose)
{
	struct thing *salt = world_choose(2) ? choose_thing(whose) : NULL;
	size_t active = 0;
	uint32_t i;

	for (i = 0; i < TEST_TPM_SESSIONS; i++)
		active += world.model.parties[i].is;
	world_command(TEST_CC_START_SESSION);
	cursor_put_u32(&world.call.out, salt ? salt->handle : 0x40000007);
	cursor_put_u32(&world.call.out, 0x40000007);
	cursor_put_u8(&world.call.out, (uint8_t)world_choose(2));
	if (!world_send(whose)) {
		i = world_word(0) & RM_HANDLE_NUMBER;
		MUST(i < TEST_TPM_SESSIONS && !world.model.parties[i].is);
		world.model.parties[i] = (struct party){
			.is = true,
			.whose = whose,
			.handle = world_word(0),
		};
	}
	if (active == TEST_TPM_SESSIONS)
		MUST(world.call.rc);
	else
		expect_success(whose);
}

static void use_object(uint64_t whose)
{
	struct thing *thing = choose_thing(whose);
	bool update = world_choose(2);

	if (!thing)
		return;
	if (!with_handle(whose, update ? TEST_CC_UPDATE : TEST_CC_READ_PUBLIC, thing->handle)) {
		thing->count += update && thing->sequence;
		MUST(!thing->doomed && world_word(0) == thing->id && world_word(1) == thing->count);
	}
	expect_success(whose);
}

/* Two objects, or one twice, and up to two sessions, which end or go on. */
static void use_many(uint64_t whose)
{
	struct thing *thing[2] = { choose_thing(whose), choose_thing(whose) };
	struct party *party[2] = { choose_party(whose), choose_party(whose) };
	bool ends[2] = { world_choose(2), world_choose(2) };
	size_t at;

	if (!thing[0] || !party[0] || party[0]->saved || party[1]->saved)
		return;
	world_command(TEST_CC_CERTIFY);
	cursor_patch_u32(&world.call.out, 0, (uint32_t)TPM_ST_SESSIONS << 16);
	for (int i = 0; i < 2; i++)
		cursor_put_u32(&world.call.out, thing[i]->handle);
	at = world.call.out.used;
	cursor_put_u32(&world.call.out, 0);
	for (int i = 0; i < 1 + (party[0] != party[1]); i++)
		world_authorize(party[i]->handle, ends[i] ? 0 : TPMA_SESSION_CONTINUE);
	cursor_patch_u32(&world.call.out, at, (uint32_t)(world.call.out.used - at - 4));
	if (!world_send(whose)) {
		for (size_t i = 0; i < 2; i++)
			MUST(!thing[i]->doomed && world_word(2 * i) == thing[i]->id);
		for (int i = 0; i < 1 + (party[0] != party[1]); i++)
			if (ends[i])
				*party[i] = (struct party){ 0 };
	}
	expect_success(whose);
}

static void complete(uint64_t whose)
{
	struct thing *thing = choose_thing(whose);

	if (!thing)
		return;
	if (!with_handle(whose, TEST_CC_COMPLETE, thing->handle)) {
		MUST(!thing->doomed && thing->sequence && world_word(0) == thing->id &&
		     world_word(1) == thing->count);
		*thing = (struct thing){ 0 };
	} else if (thing->sequence) {
		expect_success(whose);
	}
}

static void use_session(uint64_t whose)
{
	struct party *party = choose_party(whose);
	bool asserts = world_choose(2);

	if (!party)
		return;
	if (!with_handle(whose, asserts ? TEST_CC_POLICY : TEST_CC_GET_DIGEST, party->handle)) {
		party->count += asserts;
		MUST(!party->saved && world_word(0) == party->count);
	} else if (!party->saved) {
		expect_success(whose);
	}
}

static void flush(uint64_t whose)
{
	struct thing *thing = choose_thing(whose);
	struct party *party = choose_party(whose);

	if (world_choose(2) && thing) {
		if (!with_handle(whose, TPM_CC_FLUSH_CONTEXT, thing->handle))
			*thing = (struct thing){ 0 };
		expect_success(whose);
	} else if (party) {
		if (!with_handle(whose, TPM_CC_FLUSH_CONTEXT, party->handle))
			*party = (struct party){ 0 };
		expect_success(whose);
	}
}

static void save_object(uint64_t whose)
{
	struct thing *thing = choose_thing(whose);

	if (!thing)
		return;
	if (!with_handle(whose, TPM_CC_CONTEXT_SAVE, thing->handle)) {
		struct context *context = &world.model.contexts[world.model.next++ % CONTEXTS];

		*context = (struct context){
			.id = thing->id,
			.count = thing->count,
			.clears = test_tpm.clears,
			.sequence = thing->sequence,
		};
		world_keep(&context->blob);
	}
	expect_success(whose);
}

/* Anybody's, by anybody; with a bit that has flipped, by nobody. */
static void load_object(uint64_t whose)
{
	const struct context *context = &world.model.contexts[world_choose(CONTEXTS)];
	struct blob blob = context->blob;
	uint32_t flip = world_choose(256);
	bool void_ = context->id & 1 && context->clears != test_tpm.clears;

	if (!context->id || count_things(whose) == OWN)
		return;
	if (flip < blob.length)
		blob.bytes[flip] ^= 1;
	if (!load(whose, &blob)) {
		MUST(flip >= blob.length && !void_);
		remember(whose, context);
	} else if (flip >= blob.length && !void_) {
		expect_success(whose);
	}
}

static void save_session(uint64_t whose)
{
	struct party *party = choose_party(whose);
	bool saved;

	if (!party)
		return;
	saved = party->saved;
	if (!with_handle(whose, TPM_CC_CONTEXT_SAVE, party->handle)) {
		MUST(!saved);
		party->saved = true;
		world_keep(&party->blob);
	} else if (!saved) {
		expect_success(whose);
	}
}

/* Also of another's, and stale ones: these stay where they are. */
static void load_session(uint64_t whose)
{
	struct party *party = &world.model.parties[world_choose(TEST_TPM_SESSIONS)];
	bool own = party->is && party->whose == whose && party->saved;
	bool orphan = party->is && !party->whose;

	if (!party->blob.length || (orphan && !own))
		return;
	if (!load(whose, &party->blob)) {
		MUST(own && world_word(0) == party->handle);
		party->saved = false;
	} else if (own) {
		expect_success(whose);
	}
}

/* What another has is refused, whatever is tried. */
static void trespass(uint64_t whose)
{
	static const uint32_t codes[] = { TPM_CC_FLUSH_CONTEXT, TPM_CC_CONTEXT_SAVE,
					  TEST_CC_READ_PUBLIC,	TEST_CC_UPDATE,
					  TEST_CC_POLICY,	TEST_CC_GET_DIGEST };
	uint32_t code = codes[world_choose(6)];
	struct party *party = &world.model.parties[world_choose(TEST_TPM_SESSIONS)];
	const struct thing *thing = choose_thing(world_choose_client());
	uint32_t handle = thing && world_choose(2) ? thing->handle : 0x80000000u + world_choose(3);

	if (world_choose(2) && party->is && party->whose != whose)
		handle = party->handle;
	else if (find_thing(whose, handle))
		return;
	/* sessions of the raw node are hidden from clients, and the other way round */
	if (whose == RM_RAW && party->is && party->handle == handle && !party->whose)
		return;
	MUST(with_handle(whose, code, handle));
}

static void list(uint64_t whose)
{
	uint32_t kind = world_choose(3), expected = 0;
	static const uint32_t properties[] = { 0x80000000u, 0x02000000u, 0x03000000u };

	for (size_t i = 0; kind && i < TEST_TPM_SESSIONS; i++)
		expected += world.model.parties[i].is && world.model.parties[i].whose == whose &&
			    world.model.parties[i].saved == (kind == 2);
	if (!kind)
		expected = (uint32_t)count_things(whose);
	world_command(TPM_CC_GET_CAPABILITY);
	cursor_put_u32(&world.call.out, TPM_CAP_HANDLES);
	cursor_put_u32(&world.call.out, properties[kind]);
	cursor_put_u32(&world.call.out, 254);
	if (!world_send(whose)) {
		struct cursor_in in = cursor_in(world.call.response, world.call.length);
		uint32_t count;

		cursor_get_bytes(&in, TPM_HEAD_SIZE + 5);
		count = cursor_get_u32(&in);
		MUST(count == expected);
		for (uint32_t i = 0; i < count && !kind; i++)
			MUST(find_thing(whose, cursor_get_u32(&in)));
	}
	expect_success(whose);
}

static void leave(uint64_t whose)
{
	if (test_tpm.fault.code == TPM_CC_FLUSH_CONTEXT && !test_tpm.fault.error)
		test_tpm.fault.code = 0;
	world.call.result = rm_close(&world.rm, whose);
	world.call.failed = world.call.result < 0;
	for (size_t i = 0; i < THINGS; i++)
		if (world.model.things[i].whose == whose)
			world.model.things[i] = (struct thing){ 0 };
	for (size_t i = 0; i < TEST_TPM_SESSIONS; i++)
		if (world.model.parties[i].is && world.model.parties[i].whose == whose)
			world.model.parties[i] = (struct party){ 0 };
}

/* Objects of odd ids go, at once or when they would be loaded; saved contexts of them too. */
static void clear(uint64_t whose)
{
	world_command(TEST_CC_CLEAR);
	cursor_put_u32(&world.call.out, 0x4000000a);
	if (test_tpm.fault.code == TPM_CC_GET_CAPABILITY && !test_tpm.fault.error)
		test_tpm.fault.code = 0;
	if (world_send(whose))
		return;
	for (size_t i = 0; i < THINGS; i++) {
		struct thing *thing = &world.model.things[i];

		thing->doomed |= thing->id & 1;
		if (thing->doomed && !thing->whose)
			*thing = (struct thing){ 0 };
	}
}

static void inject(void)
{
	static const uint32_t codes[] = { TPM_CC_CONTEXT_SAVE,	TPM_CC_CONTEXT_LOAD,
					  TPM_CC_FLUSH_CONTEXT, TPM_CC_GET_CAPABILITY,
					  TEST_CC_READ_PUBLIC,	TEST_CC_CREATE_PRIMARY,
					  TEST_CC_START_SESSION };
	static const uint32_t rcs[] = {
		TPM_RC_OBJECT_MEMORY, TPM_RC_SESSION_MEMORY, TPM_RC_MEMORY,
		TPM_RC_CONTEXT_GAP,   TPM_RC_FAILURE,	     TPM_RC_HANDLE
	};

	test_tpm.fault = (struct test_fault){
		.code = codes[world_choose(7)],
		.rc = rcs[world_choose(6)],
		.error = world_choose(2) ? -5 : 0,
		.late = world_choose(2),
	};
}

static void step(void)
{
	static void (*const steps[])(uint64_t) = {
		make_object,  make_object,  make_session, use_object, use_object,  use_many,
		complete,     use_session,  use_session,  flush,      save_object, load_object,
		save_session, load_session, trespass,	  list,
	};
	uint32_t what = world_choose(without_mishaps ? 48 : 64);

	if (what < 48)
		steps[what % 16](choose_user());
	else if (what < 52)
		leave(world_choose_client());
	else if (what < 53)
		clear(choose_user());
	else if (what < 56)
		inject();
	else if (what < 58)
		world_back_to(world_choose(2));
	else
		steps[what % 16](world_choose_client());
}

static void end_step(void)
{
	if (world.call.failed)
		world_back_to(0);
	else
		bear_losses();
	if (test_tpm.fault.hit)
		test_tpm.fault = (struct test_fault){ 0 };
}

void model_run(const uint8_t *bytes, size_t length)
{
	world_begin(bytes, length);
	without_raw = world_choose(2);
	without_mishaps = world_choose(2);
	while (world.input.left && !world.input.bad) {
		step();
		end_step();
		world_compare();
		compare_model();
		world_publish();
	}
	world_end();
}
