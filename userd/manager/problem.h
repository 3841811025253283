/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why something could not be done, said so that a person can go on.
 *
 * What the API answers as problem+json (RFC 9457) and vtpmctl prints: the thing
 * and the reason in @detail, the next step in @next.
 */
#ifndef MANAGER_PROBLEM_H
#define MANAGER_PROBLEM_H

/**
 * enum problem_code - stable names of problems; API and exit statuses rest on them
 * @PROBLEM_NONE: none
 * @PROBLEM_INVALID: a value in the request is malformed
 * @PROBLEM_NOT_FOUND: no vTPM of that name
 * @PROBLEM_EXISTS: the name is taken, or the host is initialised already
 * @PROBLEM_FORBIDDEN: the peer may not do that
 * @PROBLEM_CONFLICT: not in the present state (quarantined, being started)
 * @PROBLEM_LOCKED: the host root key is not open
 * @PROBLEM_UNINITIALISED: `vtpmctl host init` has not been run
 * @PROBLEM_NO_HARDWARE: there is no host TPM, and nobody asked to do without
 * @PROBLEM_AUTH: an owner password or recovery code is wanted, or wrong
 * @PROBLEM_HOST_TPM: the host TPM answers with an error, or is locked out
 * @PROBLEM_NO_DRIVER: vtpm.ko is not loaded, or refuses
 * @PROBLEM_STORAGE: the store cannot be written: disk full, I/O error
 * @PROBLEM_TIMEOUT: it took too long
 * @PROBLEM_FAILED: the engine does not stay up
 * @PROBLEM_INTERNAL: something that should not be
 */
enum problem_code {
	PROBLEM_NONE,
	PROBLEM_INVALID,
	PROBLEM_NOT_FOUND,
	PROBLEM_EXISTS,
	PROBLEM_FORBIDDEN,
	PROBLEM_CONFLICT,
	PROBLEM_LOCKED,
	PROBLEM_UNINITIALISED,
	PROBLEM_NO_HARDWARE,
	PROBLEM_AUTH,
	PROBLEM_HOST_TPM,
	PROBLEM_NO_DRIVER,
	PROBLEM_STORAGE,
	PROBLEM_TIMEOUT,
	PROBLEM_FAILED,
	PROBLEM_INTERNAL,
	_PROBLEM_MAX,
};

/**
 * struct problem - one problem
 * @code: which kind
 * @detail: one sentence that names the thing and the reason
 * @next: one sentence with the next step; may be empty
 */
struct problem {
	enum problem_code code;
	char detail[512];
	char next[256];
};

/** problem_set() - fill @problem in; @next may be NULL; texts that are too long are cut */
void problem_set(struct problem *problem, enum problem_code code, const char *next,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/** problem_name() - "not-found" for PROBLEM_NOT_FOUND: last part of the problem's type URI */
const char *problem_name(enum problem_code code);

/** problem_http_status() - 404 for PROBLEM_NOT_FOUND, and so on (RFC 9110, 15) */
unsigned int problem_http_status(enum problem_code code);

#endif /* MANAGER_PROBLEM_H */
