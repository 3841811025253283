// SPDX-License-Identifier: BSD-3-Clause
/*
 * A root key of two shares, with swtpm as the host TPM; and a share's way from the verifier.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/secret.h"
#include "seal/ak.h"
#include "seal/recovery.h"
#include "seal/release.h"
#include "seal/root.h"
#include "seal/test_swtpm.h"

#define HOST  ((const uint8_t *)"4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b11")
#define OTHER ((const uint8_t *)"4b0e6b6c-0d5e-4f0a-9c59-1d2f6f0a7b12")
#define NOW   1800000000u

static const struct root_bind as_it_was;
static struct test_swtpm swtpm;
static char keys[32];
static struct host host;
static struct root root;
static struct reason reason;
static uint8_t scalar[SEAL_SCALAR_SIZE], point[SEAL_POINT_SIZE], secret[SEAL_KEY_SIZE];
static uint8_t plan_scalar[SEAL_SCALAR_SIZE], plan_point[SEAL_POINT_SIZE];
static const uint8_t share[SEAL_KEY_SIZE] = "32 bytes that the verifier keeps";
static const uint8_t wrong[SEAL_KEY_SIZE] = "32 bytes that the verifier keepS";

static int setup(void **state)
{
	(void)state;
	test_swtpm_new(&swtpm, TEST_STARTED);
	snprintf(keys, sizeof(keys), "/tmp/vtpm-keys-XXXXXX");
	if (!mkdtemp(keys) || seal_pair_new(scalar, point) || plan_key(scalar, plan_scalar) ||
	    seal_point_of(plan_scalar, plan_point))
		return -1;
	setenv("TSS2_LOG", "all+none", 1);
	root = (struct root){ .directory = open(keys, O_RDONLY | O_DIRECTORY), .host = &host };
	root_load(&root);
	return host_open(swtpm.tcti, &host, &reason);
}

static int teardown(void **state)
{
	(void)state;
	host_done(&host);
	close(root.directory);
	test_swtpm_done(&swtpm);
	test_remove_tree(keys);
	return 0;
}

static int bind_to(const uint8_t *verifier)
{
	const struct slot_binding binding = { HOST, verifier };

	return root_set_verifier(&root, secret, verifier ? &binding : NULL, &reason);
}

static void init(const uint8_t *plan_key)
{
	const struct slot_wish wish = { .host = &host,
					.pcrs = ROOT_PCRS_DEFAULT,
					.point = point,
					.plan_key = plan_key };

	assert_int_equal(root_init(&root, &wish, NULL, &reason), 0);
	cursor_copy(secret, sizeof(secret), root.key, sizeof(root.key));
}

/* The machine boots, and what it boots is @what. Return: as root_try() */
static int boot(unsigned int what)
{
	char line[128];

	host_done(&host);
	test_swtpm_stop(&swtpm);
	test_swtpm_start(&swtpm, TEST_STARTED);
	snprintf(line, sizeof(line), "tpm2_pcrextend 7:sha256=%064x", what);
	if (what)
		assert_int_equal(test_tool(&swtpm, line, NULL), 0);
	assert_int_equal(host_open(swtpm.tcti, &host, &reason), 0);
	root_done(&root);
	root = (struct root){ .directory = root.directory, .host = &host };
	root_load(&root);
	return root_try(&root);
}

static void assert_waits(unsigned int what)
{
	assert_int_equal(boot(what), -EINPROGRESS);
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	assert_true(root.waiting);
	assert_non_null(strstr(root.reason.text, "waiting for the verifier's share"));
	assert_true(cursor_is_zero(root.key, sizeof(root.key)));
}

static void assert_share_opens(enum keyd_opened how)
{
	assert_int_equal(root_share(&root, share, &reason), 0);
	assert_int_equal(root.state, KEYD_STATE_UNLOCKED);
	assert_false(root.waiting);
	assert_int_equal(root.opened, how);
	assert_memory_equal(root.key, secret, sizeof(secret));
}

static void test_share_opens(void **state)
{
	(void)state;
	init(NULL);
	assert_false(root_verifier(&root, NULL));
	assert_int_equal(root_share(&root, share, &reason), -EINVAL);
	assert_int_equal(bind_to(share), 0);
	assert_true(root_verifier(&root, NULL));
	assert_int_equal(root_protection(&root), KEYD_PROTECTION_TPM);
	assert_memory_equal(root.key, secret, sizeof(secret));
	for (int i = 0; i < 2; i++) {
		assert_waits(0);
		assert_share_opens(KEYD_OPENED_SLOT);
	}
}

static void test_share_wrong(void **state)
{
	(void)state;
	init(NULL);
	assert_int_equal(bind_to(share), 0);
	assert_waits(0);
	assert_int_equal(root_share(&root, wrong, &reason), -EKEYREJECTED);
	assert_non_null(strstr(reason.text, "is not the one"));
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	assert_true(root.waiting);
	assert_share_opens(KEYD_OPENED_SLOT);
}

/* The file of a binding before, with the share of then, which is the same. */
static void test_share_of_an_earlier_binding(void **state)
{
	struct tpm2_slot before, after;

	(void)state;
	init(NULL);
	assert_int_equal(bind_to(wrong), 0);
	assert_true(root_verifier(&root, &before));
	assert_int_equal(bind_to(share), 0);
	assert_true(root_verifier(&root, &after));
	assert_int_equal(before.share.number + 1, after.share.number);
	assert_waits(0);
	assert_int_equal(root_share(&root, wrong, &reason), -EKEYREJECTED);
	assert_share_opens(KEYD_OPENED_SLOT);
}

static void extend(unsigned int pcr)
{
	TPML_DIGEST_VALUES values = { .count = 1,
				      .digests[0] = { .hashAlg = TPM2_ALG_SHA256 } };

	values.digests[0].digest.sha256[0] = 1;
	assert_int_equal(Esys_PCR_Extend(host.esys, pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					 ESYS_TR_NONE, &values), 0);
}

/* Something is measured between the evidence and the share. */
static void test_share_pcr_changes_meanwhile(void **state)
{
	struct hostkey_keys got;

	(void)state;
	init(NULL);
	assert_int_equal(bind_to(share), 0);
	assert_waits(0);
	extend(14);
	assert_int_equal(root_evidence(&root, &got, &reason), -EPERM);
	assert_int_equal(root_share(&root, share, &reason), -EPERM);
	assert_non_null(strstr(reason.text, "PCR 14 has changed"));
	assert_false(root.waiting);
	assert_non_null(strstr(root.reason.text, "PCR 14 has changed"));
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	/* before, nothing was given away that would do for another boot */
	assert_int_equal(boot(3), -EPERM);
	assert_false(root.waiting);
	assert_int_equal(root_share(&root, share, &reason), -EPERM);
	assert_waits(0);
	assert_share_opens(KEYD_OPENED_SLOT);
}

static void test_share_evidence(void **state)
{
	struct hostkey_keys wanted, got;
	struct hostkey one = { 0 }, two = { 0 };
	bool new;

	(void)state;
	init(NULL);
	assert_int_equal(root_evidence(&root, &got, &reason), -ENOKEY);
	assert_int_equal(ak_keys(secret, &wanted), 0);
	assert_int_equal(ak_get(root.directory, &host, secret, &one, &new, &reason), 0);
	assert_true(new);
	assert_int_equal(bind_to(share), 0);
	assert_waits(0);
	assert_int_equal(root_evidence(&root, &got, &reason), 0);
	assert_memory_equal(&got, &wanted, sizeof(got));
	assert_int_equal(ak_load(root.directory, &host, &got, &two, &reason), 0);
	assert_memory_equal(one.auth, two.auth, sizeof(one.auth));
	assert_share_opens(KEYD_OPENED_SLOT);
	/* without the file no key is made: nobody enrolled it */
	assert_waits(0);
	unlinkat(root.directory, "ak", 0);
	assert_int_equal(root_evidence(&root, &got, &reason), 0);
	assert_int_equal(ak_load(root.directory, &host, &got, &two, &reason), -ENOENT);
	assert_int_equal(faccessat(root.directory, "ak", F_OK, 0), -1);
}

static void test_share_recovery(void **state)
{
	uint8_t key[SEAL_KEY_SIZE];
	const struct slot *slot;

	(void)state;
	init(NULL);
	assert_int_equal(bind_to(share), 0);
	assert_waits(0);
	slot = slots_find(&root.slots, SLOT_RECOVERY);
	assert_int_equal(recovery_open((struct seal_bytes){ slot->body, slot->length }, scalar,
				       key), 0);
	/* that ends no binding by the way */
	assert_int_equal(root_unlock(&root, key, &as_it_was, &reason), -EINVAL);
	assert_int_equal(root.state, KEYD_STATE_UNLOCKED);
	assert_false(root.waiting);
	assert_true(root_verifier(&root, NULL));
	key[0] ^= 1;
	assert_int_equal(root_set_verifier(&root, key, NULL, &reason), -EKEYREJECTED);
	assert_true(root_verifier(&root, NULL));
	assert_int_equal(bind_to(NULL), 0);
	assert_false(root_verifier(&root, NULL));
	assert_int_equal(bind_to(NULL), -EINVAL);
	assert_int_equal(boot(0), 0);
}

static void test_share_another_tpm(void **state)
{
	struct test_swtpm other;

	(void)state;
	init(NULL);
	assert_int_equal(bind_to(share), 0);
	host_done(&host);
	test_swtpm_new(&other, TEST_STARTED);
	assert_int_equal(host_open(other.tcti, &host, &reason), 0);
	root_load(&root);
	assert_int_equal(root_try(&root), -ENXIO);
	assert_false(root.waiting);
	assert_int_equal(root_share(&root, share, &reason), -ENXIO);
	assert_int_equal(root.state, KEYD_STATE_LOCKED);
	host_done(&host);
	test_swtpm_done(&other);
	assert_int_equal(host_open(swtpm.tcti, &host, &reason), 0);
}

/* A plan opens it too, and to retire what was before takes no share of the verifier. */
static void test_share_with_plans(void **state)
{
	struct plan plan = { .made = NOW, .label = "a test", .pcrs.mask = ROOT_PCRS_DEFAULT };
	uint8_t bytes[PLAN_SIZE_MAX], value[2 * SEAL_HASH_SIZE] = { 0 };
	struct tpm2_slot slot;

	(void)state;
	init(plan_point);
	assert_int_equal(bind_to(share), 0);
	assert_true(root_policy(&root, &slot));
	assert_true(slot.planned && slot.shared);
	value[sizeof(value) - 1] = 1;
	assert_int_equal(seal_hash((struct seal_bytes){ value, sizeof(value) }, plan.pcrs.value[7]),
			 0);
	plan.sequence = slot.sequence + 1;
	assert_int_equal(plan_sign(&plan, plan_scalar, slot.plan.counter), 0);
	assert_int_equal(root_plan_add(&root,
				       (struct seal_bytes){ bytes, plan_format(&plan, bytes) }, NOW,
				       &reason), 0);
	assert_waits(0);
	assert_share_opens(KEYD_OPENED_SLOT);
	assert_waits(1);
	assert_int_equal(root_share(&root, wrong, &reason), -EKEYREJECTED);
	assert_share_opens(KEYD_OPENED_PLAN);
	assert_int_equal(root_plan_retire(&root, 0, &reason), 0);
	assert_true(root_verifier(&root, NULL));
	assert_int_equal(boot(0), -EPERM);
	assert_false(root.waiting);
	assert_waits(1);
	assert_share_opens(KEYD_OPENED_SLOT);
}

static void test_share_refuses_a_foreign_body(void **state)
{
	struct tpm2_slot slot;
	struct slot body;

	(void)state;
	init(NULL);
	assert_int_equal(bind_to(share), 0);
	assert_true(root_verifier(&root, &slot));
	slot.share.host[3] = 'X';
	assert_int_equal(tpm2_slot_format(&slot, &body), 0);
	assert_int_equal(tpm2_slot_parse(&body, &slot), -EBADMSG);
	/* what is encrypted is for this host and this binding */
	assert_true(root_verifier(&root, &slot));
	slot.share.number++;
	slots_remove(&root.slots, SLOT_TPM2);
	assert_int_equal(tpm2_slot_format(&slot, &body), 0);
	assert_int_equal(slots_add(&root.slots, &body), 0);
	assert_int_equal(slots_save(root.directory, &root.slots, &reason), 0);
	assert_int_equal(boot(0), -EKEYREJECTED);
	assert_false(root.waiting);
}

/* Of each byte that is stored or sent: none can be another one. */
static void test_share_is_authentic(void **state)
{
	uint8_t tpm[SEAL_KEY_SIZE], key[SEAL_KEY_SIZE], got[SEAL_KEY_SIZE];
	struct share made = { .number = 7 }, changed;
	struct hostkey_keys evidence;

	(void)state;
	cursor_copy(made.host, sizeof(made.host), HOST, KEYD_HOST_ID_SIZE);
	assert_int_equal(seal_random(tpm, sizeof(tpm)), 0);
	assert_int_equal(seal_random(key, sizeof(key)), 0);
	assert_int_equal(share_make(&made, tpm, share, key), 0);
	assert_int_equal(share_open(&made, tpm, share, got), 0);
	assert_memory_equal(got, key, sizeof(got));
	for (size_t i = 0; i < sizeof(made); i++) {
		changed = made;
		((uint8_t *)&changed)[i] ^= 1;
		if (i < offsetof(struct share, evidence) || i >= offsetof(struct share, wrapped))
			assert_int_equal(share_open(&changed, tpm, share, got), -EKEYREJECTED);
		if (i < offsetof(struct share, wrapped))
			assert_int_equal(share_evidence(&changed, tpm, &evidence), -EKEYREJECTED);
	}
	assert_int_equal(share_open(&made, share, tpm, got), -EKEYREJECTED);
	assert_int_equal(share_evidence(&made, share, &evidence), -EKEYREJECTED);
}

static void test_release(void **state)
{
	uint8_t mine[SEAL_SCALAR_SIZE], public[SEAL_POINT_SIZE], lifted[SEAL_POINT_SIZE];
	uint8_t credential[SEAL_KEY_SIZE], box[RELEASE_BOX_SIZE], half[SEAL_KEY_SIZE];
	uint8_t got[SEAL_KEY_SIZE];
	const struct seal_bytes sent = { box, sizeof(box) };

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(seal_even_pair_new(mine, public), 0);
		assert_int_equal(seal_even_point(public + 1, lifted), 0);
		assert_memory_equal(lifted, public, sizeof(lifted));
	}
	assert_int_equal(release_make(share, public + 1, HOST, credential, box), 0);
	assert_int_equal(release_half(mine, HOST, sent, half), 0);
	release_take(half, credential, got);
	assert_memory_equal(got, share, sizeof(got));
	/* neither half is it */
	assert_memory_not_equal(half, share, sizeof(half));
	assert_memory_not_equal(credential, share, sizeof(half));
	assert_int_equal(release_half(mine, OTHER, sent, half), -EBADMSG);
	assert_int_equal(release_half(scalar, HOST, sent, half), -EBADMSG);
	for (size_t i = 0; i < sizeof(box); i++) {
		box[i] ^= 1;
		assert_int_equal(release_half(mine, HOST, sent, half), -EBADMSG);
		box[i] ^= 1;
		assert_int_equal(release_half(mine, HOST, (struct seal_bytes){ box, i }, half),
				 -EBADMSG);
	}
}

/* Of all x, about half belong to no point. */
static void test_release_refuses_no_point(void **state)
{
	uint8_t x[SEAL_X_SIZE] = { 0 }, credential[SEAL_KEY_SIZE], box[RELEASE_BOX_SIZE];
	int refused = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		int r;

		x[SEAL_X_SIZE - 1] = (uint8_t)i;
		r = release_make(share, x, HOST, credential, box);
		assert_true(!r || r == -EINVAL);
		refused += r == -EINVAL;
	}
	assert_true(refused > 10 && refused < 54);
	for (size_t i = 0; i < sizeof(x); i++)
		x[i] = 0xff;
	assert_int_equal(release_make(share, x, HOST, credential, box), -EINVAL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_share_opens),
		CASE(test_share_wrong),
		CASE(test_share_of_an_earlier_binding),
		CASE(test_share_pcr_changes_meanwhile),
		CASE(test_share_evidence),
		CASE(test_share_recovery),
		CASE(test_share_another_tpm),
		CASE(test_share_with_plans),
		CASE(test_share_refuses_a_foreign_body),
		cmocka_unit_test(test_share_is_authentic),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_release_refuses_no_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
