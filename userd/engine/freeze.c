// SPDX-License-Identifier: BSD-3-Clause
/*
 * The list; see the header. Codes: Part 2, 6.5.2.
 *
 * Not in it on purpose:
 *
 *	SequenceComplete	ends HMAC sequences too, and a saved context of one that was begun
 *				before can be loaded as often as one likes: a key at work
 *	Quote, Certify, GetTime	a private key signs; the host's word for a vTPM does not come
 *				this way (evidence.c)
 *	NV_Read			an index may hold what is only for a host that is trusted
 *	PCR_Reset		what is measured stays
 *	Policy...		a policy that is met opens nothing here
 */
#include "engine/freeze.h"

static const struct freeze_row rows[] = {
	{ 0x121, "HierarchyControl: a machine's firmware closes the platform's hierarchy before a "
		 "guest runs" },
	{ 0x129, "HierarchyChangeAuth: the same; SeaBIOS measures nothing more where it may not" },
	{ 0x13c, "PCR_Event: what happens is measured" },
	{ 0x142, "IncrementalSelfTest: a driver begins with it; it says nothing of a key" },
	{ 0x143, "SelfTest: a driver begins with it" },
	{ 0x144, "Startup: a machine that is reset has to boot, to be measured" },
	{ 0x145, "Shutdown: a machine that ends saves its PCRs" },
	{ 0x146, "StirRandom: takes, and gives nothing" },
	{ 0x15c, "SequenceUpdate: of EventSequenceComplete; answers nothing" },
	{ 0x161, "ContextLoad: how a resource manager goes on; a key that is loaded does nothing" },
	{ 0x162, "ContextSave: the same; the TPM seals what leaves" },
	{ 0x165, "FlushContext: what is not used any more goes" },
	{ 0x169, "NV_ReadPublic: the public area of an index" },
	{ 0x173, "ReadPublic: the public area of a key" },
	{ 0x176, "StartAuthSession: the kernel reads and extends PCRs in sessions; a salt that a "
		 "key decrypts stays in the TPM" },
	{ 0x178, "ECC_Parameters: constants" },
	{ 0x17a, "GetCapability: what the TPM is" },
	{ 0x17b, "GetRandom: the guest's kernel goes on" },
	{ 0x17c, "GetTestResult: what the TPM is" },
	{ 0x17d, "Hash: a computation on what the client has" },
	{ 0x17e, "PCR_Read: what was measured can be seen" },
	{ 0x181, "ReadClock: what the TPM is" },
	{ 0x182, "PCR_Extend: what happens is measured" },
	{ 0x185, "EventSequenceComplete: the same, for what is long; no key can be in it" },
	{ 0x186, "HashSequenceStart: begins EventSequenceComplete's" },
	{ 0x18a, "TestParms: what the TPM is" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

bool freeze_allows(uint32_t code)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].code == code)
			return true;
	}
	return false;
}

const struct freeze_row *freeze_table(size_t *ret_count)
{
	*ret_count = ROWS;
	return rows;
}
