/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration of a fleet's verifier: lines "key = value" in a section [verifier].
 */
#ifndef VERIFIER_CONFIG_H
#define VERIFIER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_TEXT 512

/**
 * struct config - what it says
 * @name: of this verifier, in verdicts and reports
 * @database: file of the fleet
 * @ca: folder of the CA
 * @passphrase_file: first line opens the CA's key; empty for none
 * @ek_roots: file or folder of certificates of TPM makers; empty for none
 * @policy: file that hosts are held against; empty for none
 * @ima_policy: the same of files that they measured, as keylime writes it; empty for none
 * @own_ak: TPM2B_PUBLIC of the attestation key of the verifier's own machine; empty for none
 * @listen: numeric address
 * @port: of it
 * @certificate: PEM of the server, with its chain
 * @key: PEM of its key
 * @webhook: HTTPS address that hears of changes; empty for none
 * @syslog: HOST:PORT, hears the same by RFC 5424 over UDP; empty for none
 * @valid: seconds that a verdict holds
 * @deadline: seconds to answer a challenge
 * @evidence: largest body of evidence in KiB
 * @every: seconds between two challenges of one host, at least
 * @share_every: seconds between two times that one host gets its share, at least
 * @cache: MiB for what logs came to that were read
 */
struct config {
	char name[64];
	char database[CONFIG_TEXT];
	char ca[CONFIG_TEXT];
	char passphrase_file[CONFIG_TEXT];
	char ek_roots[CONFIG_TEXT];
	char policy[CONFIG_TEXT];
	char ima_policy[CONFIG_TEXT];
	char own_ak[CONFIG_TEXT];
	char listen[64];
	unsigned int port;
	char certificate[CONFIG_TEXT];
	char key[CONFIG_TEXT];
	char webhook[CONFIG_TEXT];
	char syslog[CONFIG_TEXT];
	unsigned int valid;
	unsigned int deadline;
	unsigned int evidence;
	unsigned int every;
	unsigned int share_every;
	unsigned int cache;
};

/**
 * config_read() - read the file
 * @path: of it
 * @reason: why not
 * @room: bytes of @reason
 * @ret: the file's values, and defaults
 *
 * Return: 0; -ENOENT (it cannot be read); -EINVAL (a line of it is wrong).
 */
int config_read(const char *path, char *reason, size_t room, struct config *ret);

#endif /* VERIFIER_CONFIG_H */
