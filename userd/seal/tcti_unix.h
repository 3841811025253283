/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCTI for a TPM behind a Unix stream socket, as swtpm serves it.
 *
 * The one that comes with TSS makes a new connection for each command, which a sandboxed
 * process cannot. This one connects once. Everything else, a device above all, is left to
 * TSS.
 */
#ifndef SEAL_TCTI_UNIX_H
#define SEAL_TCTI_UNIX_H

#include <tss2/tss2_tcti.h>

/** define TCTI_UNIX_PREFIX - of a TCTI's name that this one is for */
#define TCTI_UNIX_PREFIX "swtpm:path="

/**
 * tcti_unix_new() - connect
 * @path: of the socket
 * @ret: set on success; tcti_unix_free() ends it
 *
 * Return: 0; -ENOMEM; -ENAMETOOLONG; -errno of socket() and connect().
 */
int tcti_unix_new(const char *path, TSS2_TCTI_CONTEXT **ret);

/** tcti_unix_free() - disconnect; NULL is fine */
void tcti_unix_free(TSS2_TCTI_CONTEXT *context);

#endif /* SEAL_TCTI_UNIX_H */
