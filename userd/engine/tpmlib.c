// SPDX-License-Identifier: BSD-3-Clause
/*
 * Calling libtpms; see the header.
 *
 * libtpms has no user-data pointer and one TPM per process, so this file has
 * static variables and is the only one that does. `given` is what the load
 * callback answers with while MainInit runs; `collected` is what the store
 * callback was last told. What was stored is loaded again at once: having
 * manufactured a TPM, MainInit reads it back, and takes "there is none" for an
 * empty one without a single PCR bank.
 *
 * Failure mode is found out, not guessed: TPM_RC_FAILURE may be an ordinary
 * answer, so the TPM is asked for its test result, which it gives in failure mode
 * as well (Part 3, 10.4).
 */
#include "engine/tpmlib.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include <libtpms/tpm_error.h>
#include <libtpms/tpm_library.h>
#include <libtpms/tpm_memory.h>
#include <libtpms/tpm_nvfilename.h>
#include <libtpms/tpm_tis.h>

#include "base/cursor.h"
#include "base/secret.h"
#include "engine/curve.h"
#include "store/store.h"
#include "wire/command.h"
#include "wire/tpm.h"

static struct {
	const uint8_t *permanent;
	size_t permanent_length;
	const uint8_t *volatile_state;
	size_t volatile_length;
} given;

static struct {
	uint8_t bytes[STORE_RECORD_MAX];
	size_t length;
	bool dirty;
} collected;

static struct {
	unsigned char *bytes;
	uint32_t length;
	uint32_t room;
} answer;

/* TPM_RC_RETRY: the first use of an algorithm tests it, and then wants the command again. */
#define TRIES 5

static uint8_t running_locality;
static bool powered;

static TPM_RESULT on_init(void)
{
	return TPM_SUCCESS;
}

static TPM_RESULT on_load(unsigned char **data, uint32_t *length, uint32_t tpm_number,
			  const char *name)
{
	const uint8_t *from = NULL;
	size_t size = 0;

	(void)tpm_number;
	if (!strcmp(name, TPM_PERMANENT_ALL_NAME) && collected.dirty) {
		from = collected.bytes;
		size = collected.length;
	} else if (!strcmp(name, TPM_PERMANENT_ALL_NAME)) {
		from = given.permanent;
		size = given.permanent_length;
	} else if (!strcmp(name, TPM_VOLATILESTATE_NAME)) {
		from = given.volatile_state;
		size = given.volatile_length;
	}
	if (!from)
		return TPM_RETRY; /* there is none */

	if (TPM_Malloc(data, (uint32_t)size) != TPM_SUCCESS)
		return TPM_SIZE;
	cursor_copy(*data, size, from, size);
	*length = (uint32_t)size;
	return TPM_SUCCESS;
}

static TPM_RESULT on_store(const unsigned char *data, uint32_t length, uint32_t tpm_number,
			   const char *name)
{
	(void)tpm_number;
	if (strcmp(name, TPM_PERMANENT_ALL_NAME))
		return TPM_FAIL;
	if (!cursor_copy(collected.bytes, sizeof(collected.bytes), data, length))
		return TPM_SIZE;
	collected.length = length;
	collected.dirty = true;
	return TPM_SUCCESS;
}

static TPM_RESULT on_delete(uint32_t tpm_number, const char *name, TPM_BOOL must_exist)
{
	(void)tpm_number;
	(void)name;
	(void)must_exist;
	return TPM_SUCCESS;
}

static TPM_RESULT on_locality(TPM_MODIFIER_INDICATOR *locality, uint32_t tpm_number)
{
	(void)tpm_number;
	*locality = running_locality;
	return TPM_SUCCESS;
}

static TPM_RESULT on_presence(TPM_BOOL *presence, uint32_t tpm_number)
{
	(void)tpm_number;
	*presence = FALSE;
	return TPM_SUCCESS;
}

static struct libtpms_callbacks callbacks = {
	.sizeOfStruct = sizeof(callbacks),
	.tpm_nvram_init = on_init,
	.tpm_nvram_loaddata = on_load,
	.tpm_nvram_storedata = on_store,
	.tpm_nvram_deletename = on_delete,
	.tpm_io_init = on_init,
	.tpm_io_getlocality = on_locality,
	.tpm_io_getphysicalpresence = on_presence,
};

void tpmlib_blob_done(struct tpmlib_blob *blob)
{
	secret_wipe(blob->bytes, blob->length);
	TPM_Free(blob->bytes);
	*blob = (struct tpmlib_blob){ 0 };
}

/*
 * Algorithms are looked up in OpenSSL's providers at their first use, which takes
 * longer than all else in the start of a TPM. These are the ones libtpms uses when it is
 * powered on. The random numbers are thrown away; a child's generator notices the
 * fork and seeds itself anew.
 */
static int warm_up(void)
{
	const EVP_MD *const digests[] = { EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512() };
	uint8_t warm[EVP_MAX_MD_SIZE] = { 0 };
	EVP_CIPHER_CTX *cipher;
	BN_CTX *numbers;
	int n, r = -1;

	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) ||
	    RAND_bytes(warm, sizeof(warm)) != 1)
		return -1;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
		if (!EVP_Digest(warm, sizeof(warm), warm, NULL, digests[i], NULL))
			return -1;

	cipher = EVP_CIPHER_CTX_new();
	numbers = BN_CTX_new();
	if (cipher && numbers && EVP_EncryptInit_ex(cipher, EVP_aes_256_ctr(), NULL, warm, warm) &&
	    EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, warm, warm) &&
	    EVP_EncryptUpdate(cipher, warm, &n, warm, 16))
		r = 0;
	BN_CTX_free(numbers);
	EVP_CIPHER_CTX_free(cipher);
	secret_wipe(warm, sizeof(warm));
	return r;
}

int tpmlib_prepare(void)
{
	if (warm_up() || curve_prepare())
		return -ENOTRECOVERABLE;
	if (TPMLIB_ChooseTPMVersion(TPMLIB_TPM_VERSION_2) != TPM_SUCCESS ||
	    TPMLIB_RegisterCallbacks(&callbacks) != TPM_SUCCESS)
		return -ENOTRECOVERABLE;
	return 0;
}

static int main_init(void)
{
	TPM_RESULT result;

	result = TPMLIB_MainInit();
	given.permanent = NULL;
	given.volatile_state = NULL;
	if (result != TPM_SUCCESS)
		return -EBADMSG;
	powered = true;
	return 0;
}

int tpmlib_power_on(const uint8_t *permanent, size_t length)
{
	int r;

	tpmlib_power_off();
	tpmlib_permanent_taken();
	given.permanent = permanent;
	given.permanent_length = length;
	r = main_init();
	if (r && !permanent)
		return -ENOTRECOVERABLE;
	return r;
}

int tpmlib_resume(const uint8_t *permanent, size_t permanent_length, const uint8_t *volatile_state,
		  size_t volatile_length)
{
	tpmlib_power_off();
	tpmlib_permanent_taken();
	given.permanent = permanent;
	given.permanent_length = permanent_length;
	given.volatile_state = volatile_state;
	given.volatile_length = volatile_length;
	return main_init();
}

int tpmlib_power_cycle(void)
{
	if (!collected.dirty)
		return -ENOTRECOVERABLE;
	tpmlib_power_off();
	return main_init() ? -ENOTRECOVERABLE : 0;
}

void tpmlib_power_off(void)
{
	if (powered)
		TPMLIB_Terminate();
	powered = false;
}

static int process(uint8_t locality, const uint8_t *command, size_t length)
{
	running_locality = locality;
	/* The library takes the command unqualified and leaves it alone. */
	if (TPMLIB_Process(&answer.bytes, &answer.length, &answer.room,
			   (unsigned char *)(uintptr_t)command, (uint32_t)length) != TPM_SUCCESS)
		return -ENOTRECOVERABLE;
	return 0;
}

static bool in_failure_mode(void)
{
	uint8_t command[TPM_HEAD_SIZE];
	struct cursor_out out = cursor_out(command, sizeof(command));
	struct cursor_in in;
	uint32_t result;

	cursor_put_u16(&out, TPM_ST_NO_SESSIONS);
	cursor_put_u32(&out, TPM_HEAD_SIZE);
	cursor_put_u32(&out, TPM_CC_GET_TEST_RESULT);
	if (process(0, command, sizeof(command)) ||
	    tpm_response_code(answer.bytes, answer.length) != TPM_RC_SUCCESS)
		return true;

	/* outData TPM2B_MAX_BUFFER | testResult TPM_RC; Part 3, 10.4.2 */
	in = cursor_in(answer.bytes, answer.length);
	cursor_get_bytes(&in, TPM_HEAD_SIZE);
	cursor_get_bytes(&in, cursor_get_u16(&in));
	result = cursor_get_u32(&in);
	return in.bad || result == TPM_RC_FAILURE;
}

int tpmlib_run(uint8_t locality, const uint8_t *command, size_t length, uint8_t *response,
	       size_t room, size_t *ret_length)
{
	uint32_t size;

	for (int i = 0; i < TRIES; i++) {
		if (process(locality, command, length))
			return -ENOTRECOVERABLE;
		if (tpm_response_code(answer.bytes, answer.length) != TPM_RC_RETRY)
			break;
	}
	if (!cursor_copy(response, room, answer.bytes, answer.length))
		return -ENOTRECOVERABLE;
	size = answer.length;
	secret_wipe(answer.bytes, answer.length);
	if (tpm_response_code(response, size) == TPM_RC_FAILURE && in_failure_mode())
		return -ENOTRECOVERABLE;

	*ret_length = size;
	return 0;
}

void tpmlib_cancel(void)
{
	TPMLIB_CancelCommand();
}

int tpmlib_volatile(struct tpmlib_blob *ret)
{
	struct tpmlib_blob blob = { 0 };

	if (TPMLIB_GetState(TPMLIB_STATE_VOLATILE, &blob.bytes, &blob.length) != TPM_SUCCESS)
		return -ENOTRECOVERABLE;
	*ret = blob;
	return 0;
}

const uint8_t *tpmlib_permanent(size_t *ret_length)
{
	if (!collected.dirty)
		return NULL;
	*ret_length = collected.length;
	return collected.bytes;
}

void tpmlib_permanent_taken(void)
{
	secret_wipe(collected.bytes, collected.length);
	collected.dirty = false;
}

int tpmlib_permanent_read(void)
{
	unsigned char *bytes = NULL;
	uint32_t length = 0;
	int r;

	if (TPMLIB_GetState(TPMLIB_STATE_PERMANENT, &bytes, &length) != TPM_SUCCESS)
		return -ENOTRECOVERABLE;
	r = on_store(bytes, length, 0, TPM_PERMANENT_ALL_NAME) ? -ENOTRECOVERABLE : 0;
	secret_wipe(bytes, length);
	TPM_Free(bytes);
	return r;
}

bool tpmlib_established(void)
{
	TPM_BOOL is_established = FALSE;

	return TPM_IO_TpmEstablished_Get(&is_established) == TPM_SUCCESS && is_established;
}

uint32_t tpmlib_reset_established(uint8_t locality)
{
	running_locality = locality;
	return TPM_IO_TpmEstablished_Reset();
}

uint32_t tpmlib_hash_start(void)
{
	return TPM_IO_Hash_Start();
}

uint32_t tpmlib_hash_data(const uint8_t *bytes, size_t length)
{
	return TPM_IO_Hash_Data(bytes, (uint32_t)length);
}

uint32_t tpmlib_hash_end(void)
{
	return TPM_IO_Hash_End();
}

uint32_t tpmlib_buffer(uint32_t wanted, uint32_t *ret_min, uint32_t *ret_max)
{
	return TPMLIB_SetBufferSize(wanted, ret_min, ret_max);
}

char *tpmlib_info(uint64_t flags)
{
	return TPMLIB_GetInfo((enum TPMLIB_InfoFlags)flags);
}
