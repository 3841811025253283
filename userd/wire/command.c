// SPDX-License-Identifier: BSD-3-Clause
/*
 * The table of commands; see the header. Codes: Part 2, 6.5.2. Handles: the
 * command's own page in Part 3 (engine/test_engine.c asks libtpms).
 */
#include "wire/command.h"

#include <stdlib.h>

#include "base/cursor.h"

static const struct command_attributes commands[] = {
	{ 0x11f, "NV_UndefineSpaceSpecial", 2, 0 },
	{ 0x120, "EvictControl", 2, 0 },
	{ 0x121, "HierarchyControl", 1, COMMAND_FLUSHES },
	{ 0x122, "NV_UndefineSpace", 2, 0 },
	{ 0x124, "ChangeEPS", 1, COMMAND_FIRMWARE_ONLY | COMMAND_FLUSHES },
	{ 0x125, "ChangePPS", 1, COMMAND_FIRMWARE_ONLY | COMMAND_FLUSHES },
	{ 0x126, "Clear", 1, COMMAND_AUDIT_SETUP | COMMAND_FLUSHES },
	{ 0x127, "ClearControl", 1, 0 },
	{ 0x128, "ClockSet", 1, 0 },
	{ 0x129, "HierarchyChangeAuth", 1, 0 },
	{ 0x12a, "NV_DefineSpace", 1, 0 },
	{ 0x12b, "PCR_Allocate", 1, COMMAND_FIRMWARE_ONLY },
	{ 0x12c, "PCR_SetAuthPolicy", 1, 0 },
	{ 0x12d, "PP_Commands", 1, 0 },
	{ 0x12e, "SetPrimaryPolicy", 1, 0 },
	{ 0x12f, "FieldUpgradeStart", 2, 0 },
	{ 0x130, "ClockRateAdjust", 1, 0 },
	{ 0x131, "CreatePrimary", 1, COMMAND_MAKES_OBJECT },
	{ 0x132, "NV_GlobalWriteLock", 1, 0 },
	{ 0x133, "GetCommandAuditDigest", 2, 0 },
	{ 0x134, "NV_Increment", 2, 0 },
	{ 0x135, "NV_SetBits", 2, 0 },
	{ 0x136, "NV_Extend", 2, 0 },
	{ 0x137, "NV_Write", 2, 0 },
	{ 0x138, "NV_WriteLock", 2, 0 },
	{ 0x139, "DictionaryAttackLockReset", 1, 0 },
	{ 0x13a, "DictionaryAttackParameters", 1, 0 },
	{ 0x13b, "NV_ChangeAuth", 1, 0 },
	{ 0x13c, "PCR_Event", 1, COMMAND_REPLAYS },
	{ 0x13d, "PCR_Reset", 1, COMMAND_REPLAYS },
	{ 0x13e, "SequenceComplete", 1, COMMAND_ENDS_SEQUENCE },
	{ 0x13f, "SetAlgorithmSet", 1, 0 },
	{ 0x140, "SetCommandCodeAuditStatus", 1, COMMAND_AUDIT_SETUP },
	{ 0x141, "FieldUpgradeData", 0, 0 },
	{ 0x142, "IncrementalSelfTest", 0, 0 },
	{ 0x143, "SelfTest", 0, 0 },
	{ 0x144, "Startup", 0, COMMAND_AUDIT_SETUP },
	{ 0x145, "Shutdown", 0, 0 },
	{ 0x146, "StirRandom", 0, 0 },
	{ 0x147, "ActivateCredential", 2, 0 },
	{ 0x148, "Certify", 2, 0 },
	{ 0x149, "PolicyNV", 3, 0 },
	{ 0x14a, "CertifyCreation", 2, 0 },
	{ 0x14b, "Duplicate", 2, 0 },
	{ 0x14c, "GetTime", 2, 0 },
	{ 0x14d, "GetSessionAuditDigest", 3, 0 },
	{ 0x14e, "NV_Read", 2, 0 },
	{ 0x14f, "NV_ReadLock", 2, 0 },
	{ 0x150, "ObjectChangeAuth", 2, 0 },
	{ 0x151, "PolicySecret", 2, 0 },
	{ 0x152, "Rewrap", 2, 0 },
	{ 0x153, "Create", 1, 0 },
	{ 0x154, "ECDH_ZGen", 1, 0 },
	{ 0x155, "HMAC", 1, 0 },
	{ 0x156, "Import", 1, 0 },
	{ 0x157, "Load", 1, COMMAND_MAKES_OBJECT },
	{ 0x158, "Quote", 1, 0 },
	{ 0x159, "RSA_Decrypt", 1, COMMAND_USES_KEY },
	{ 0x15b, "HMAC_Start", 1, COMMAND_MAKES_OBJECT },
	{ 0x15c, "SequenceUpdate", 1, 0 },
	{ 0x15d, "Sign", 1, COMMAND_USES_KEY },
	{ 0x15e, "Unseal", 1, COMMAND_USES_KEY },
	{ 0x160, "PolicySigned", 2, 0 },
	{ 0x161, "ContextLoad", 0, 0 },
	{ 0x162, "ContextSave", 1, 0 },
	{ 0x163, "ECDH_KeyGen", 1, 0 },
	{ 0x164, "EncryptDecrypt", 1, 0 },
	{ 0x165, "FlushContext", 0, 0 },
	{ 0x167, "LoadExternal", 0, COMMAND_MAKES_OBJECT },
	{ 0x168, "MakeCredential", 1, COMMAND_READ_ONLY },
	{ 0x169, "NV_ReadPublic", 1, COMMAND_READ_ONLY },
	{ 0x16a, "PolicyAuthorize", 1, 0 },
	{ 0x16b, "PolicyAuthValue", 1, 0 },
	{ 0x16c, "PolicyCommandCode", 1, 0 },
	{ 0x16d, "PolicyCounterTimer", 1, 0 },
	{ 0x16e, "PolicyCpHash", 1, 0 },
	{ 0x16f, "PolicyLocality", 1, 0 },
	{ 0x170, "PolicyNameHash", 1, 0 },
	{ 0x171, "PolicyOR", 1, 0 },
	{ 0x172, "PolicyTicket", 1, 0 },
	{ 0x173, "ReadPublic", 1, COMMAND_READ_ONLY },
	{ 0x174, "RSA_Encrypt", 1, COMMAND_READ_ONLY },
	{ 0x176, "StartAuthSession", 2, COMMAND_MAKES_SESSION },
	{ 0x177, "VerifySignature", 1, COMMAND_READ_ONLY },
	{ 0x178, "ECC_Parameters", 0, COMMAND_READ_ONLY },
	{ 0x179, "FirmwareRead", 0, 0 },
	{ 0x17a, "GetCapability", 0, COMMAND_READ_ONLY },
	{ 0x17b, "GetRandom", 0, COMMAND_READ_ONLY },
	{ 0x17c, "GetTestResult", 0, COMMAND_READ_ONLY },
	{ 0x17d, "Hash", 0, COMMAND_READ_ONLY },
	{ 0x17e, "PCR_Read", 0, COMMAND_READ_ONLY },
	{ 0x17f, "PolicyPCR", 1, 0 },
	{ 0x180, "PolicyRestart", 1, 0 },
	{ 0x181, "ReadClock", 0, 0 },
	{ 0x182, "PCR_Extend", 1, COMMAND_REPLAYS },
	{ 0x183, "PCR_SetAuthValue", 1, 0 },
	{ 0x184, "NV_Certify", 3, 0 },
	{ 0x185, "EventSequenceComplete", 2, COMMAND_ENDS_SEQUENCE },
	{ 0x186, "HashSequenceStart", 0, COMMAND_MAKES_OBJECT },
	{ 0x187, "PolicyPhysicalPresence", 1, 0 },
	{ 0x188, "PolicyDuplicationSelect", 1, 0 },
	{ 0x189, "PolicyGetDigest", 1, 0 },
	{ 0x18a, "TestParms", 0, COMMAND_READ_ONLY },
	{ 0x18b, "Commit", 1, 0 },
	{ 0x18c, "PolicyPassword", 1, 0 },
	{ 0x18d, "ZGen_2Phase", 1, 0 },
	{ 0x18e, "EC_Ephemeral", 0, 0 },
	{ 0x18f, "PolicyNvWritten", 1, 0 },
	{ 0x190, "PolicyTemplate", 1, 0 },
	{ 0x191, "CreateLoaded", 1, COMMAND_MAKES_OBJECT },
	{ 0x192, "PolicyAuthorizeNV", 3, 0 },
	{ 0x193, "EncryptDecrypt2", 1, 0 },
	{ 0x194, "AC_GetCapability", 1, 0 },
	{ 0x195, "AC_Send", 3, 0 },
	{ 0x196, "Policy_AC_SendSelect", 1, 0 },
	{ 0x197, "CertifyX509", 2, 0 },
	{ 0x198, "ACT_SetTimeout", 1, 0 },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int by_code(const void *key, const void *row)
{
	uint32_t code = *(const uint32_t *)key;
	const struct command_attributes *attributes = row;

	return code < attributes->code ? -1 : code > attributes->code;
}

const struct command_attributes *command_find(uint32_t code)
{
	return bsearch(&code, commands, COMMANDS, sizeof(commands[0]), by_code);
}

const struct command_attributes *command_table(size_t *ret_count)
{
	*ret_count = COMMANDS;
	return commands;
}

/* TPMS_AUTH_COMMAND, Part 2, 10.13.2 */
bool command_next_session(struct cursor_in *area, struct command_session *ret)
{
	struct command_session session;

	if (area->bad || !area->left)
		return false;
	session.handle = cursor_get_u32(area);
	cursor_get_bytes(area, cursor_get_u16(area)); /* nonce */
	session.attributes = cursor_get_u8(area);
	cursor_get_bytes(area, cursor_get_u16(area)); /* hmac */
	if (area->bad)
		return false;
	*ret = session;
	return true;
}

struct cursor_in command_session_area(const struct tpm_command *command,
				      const struct command_attributes *attributes)
{
	struct cursor_in in = cursor_in(command->bytes, command->size);

	if (command->tag == TPM_ST_NO_SESSIONS)
		return cursor_in(command->bytes, 0);
	cursor_get_bytes(&in, TPM_HEAD_SIZE + 4u * attributes->handles);
	return cursor_sub(&in, cursor_get_u32(&in));
}

enum command_sessions command_sessions(const struct tpm_command *command,
				       const struct command_attributes *attributes)
{
	enum command_sessions found = COMMAND_SESSIONS_NONE;
	struct command_session session;
	struct cursor_in area;

	if (command->tag == TPM_ST_NO_SESSIONS)
		return COMMAND_SESSIONS_NONE;
	if (!attributes)
		return COMMAND_SESSIONS_UNKNOWN;

	area = command_session_area(command, attributes);
	while (command_next_session(&area, &session)) {
		if (session.handle == TPM_RS_PW)
			continue;
		if (session.attributes & TPMA_SESSION_AUDIT)
			found = COMMAND_SESSIONS_AUDIT;
		else if (found == COMMAND_SESSIONS_NONE)
			found = COMMAND_SESSIONS_SOME;
	}
	return area.bad ? COMMAND_SESSIONS_UNKNOWN : found;
}
