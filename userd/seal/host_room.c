// SPDX-License-Identifier: BSD-3-Clause
/*
 * Room in the TPM for our sessions and objects.
 *
 * A TPM holds three objects and three sessions, some hold more. Behind /dev/tpmrm0 each
 * process has all of that for itself, and the kernel flushes what a dead one left. Nobody
 * does so on a raw device or a software TPM: a vtpm-keyd that was killed three times at the
 * wrong moment would be locked out by what it left. So where room is short, what is
 * loaded is flushed: who has a raw TPM open has it alone. The same is done after an answer
 * that somebody on the wire has changed.
 */
#include "seal/host.h"

#include "base/cleanup.h"

/* What our longest operation holds: two sessions and two objects. */
#define NEEDED 2

/* Part 2, 7.2 and 7.5 (TSS's own macros shift into the sign) */
#define LOADED_SESSION_FIRST 0x02000000u
#define TRANSIENT_FIRST	     0x80000000u

static void free_capability(TPMS_CAPABILITY_DATA **data)
{
	Esys_Free(*data);
}

TPMS_CAPABILITY_DATA *host_capability(struct host *host, TPM2_CAP kind, uint32_t first,
				      uint32_t count)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	struct reason ignored;
	TPMI_YES_NO more;
	TSS2_RC rc;

	rc = Esys_GetCapability(host->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, kind, first,
				count, &more, &data);
	/* ESYS that found no TPM here would speak of a wrong order at the next call */
	if (host_failed(host, rc, "say what it holds", &ignored))
		return NULL;
	if (data->capability == kind)
		return data;
	Esys_Free(data);
	return NULL;
}

/* Part 2, 6.13: what a TPM does not tell is taken for plenty. */
static uint32_t available(struct host *host, TPM2_PT property)
{
	_cleanup_(free_capability) TPMS_CAPABILITY_DATA *data =
		host_capability(host, TPM2_CAP_TPM_PROPERTIES, property, 1);
	const TPML_TAGGED_TPM_PROPERTY *list = data ? &data->data.tpmProperties : NULL;

	if (!list || list->count != 1 || list->tpmProperty[0].property != property)
		return UINT32_MAX;
	return list->tpmProperty[0].value;
}

static void flush_all(struct host *host, uint32_t first)
{
	_cleanup_(free_capability) TPMS_CAPABILITY_DATA *data =
		host_capability(host, TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES);

	for (uint32_t i = 0; data && i < data->data.handles.count; i++) {
		_cleanup_(host_flush) struct host_handle handle = HOST_HANDLE(host);

		/* one that cannot be named stays: the operation will say what is wrong */
		if (Esys_TR_FromTPMPublic(host->esys, data->data.handles.handle[i], ESYS_TR_NONE,
					  ESYS_TR_NONE, ESYS_TR_NONE, &handle.tr))
			handle.tr = ESYS_TR_NONE;
	}
}

void host_make_room(struct host *host)
{
	if (available(host, TPM2_PT_HR_TRANSIENT_AVAIL) < NEEDED)
		flush_all(host, TRANSIENT_FIRST);
	if (available(host, TPM2_PT_HR_LOADED_AVAIL) < NEEDED)
		flush_all(host, LOADED_SESSION_FIRST);
}

void host_recover(struct host *host)
{
	const TPM2B_NAME name = host->name;
	struct reason ignored;

	if (host->recovering || host->gone)
		return;
	host->recovering = true;
	host->epoch++;
	host->storage = ESYS_TR_NONE;
	host_forget_password(host);
	Esys_Finalize(&host->esys);
	if (Esys_Initialize(&host->esys, host->context, NULL)) {
		host->gone = true;
	} else {
		flush_all(host, TRANSIENT_FIRST);
		flush_all(host, LOADED_SESSION_FIRST);
		/* where that fails, the next one who needs the key is told why */
		if (name.size)
			(void)host_adopt(host, &name, &ignored);
	}
	host->recovering = false;
}
