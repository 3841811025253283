/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox of a network server with threads and large libraries (SQLite, libmicrohttpd,
 * libcurl), which cannot be held to the few system calls of sandbox.h.
 *
 *	1. not dumpable, no_new_privs, no core file
 *	2. Landlock	the files that are named and no others (best effort: kernel 5.13)
 *	3. seccomp	an allow-list; all else is refused with EPERM, since a library that asks for
 *			what it can do without must not end the server
 *
 * Afterwards there is no program to execute, no process to make, look at or signal, no memory
 * that becomes code, and no socket but those of Unix, IPv4 and IPv6. It is entered before the first
 * thread: threads inherit it.
 */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct sandbox_path - files that a server needs
 * @path: of a file or folder; one that is not there is skipped
 * @writes: it makes, changes and removes files there; otherwise it reads them
 */
struct sandbox_path {
	const char *path;
	bool writes;
};

/**
 * sandbox_enter_server() - give up everything else
 * @paths: files it opens from now on
 * @count: how many
 * @warn: called with a line for the operator, for steps that were not possible
 *
 * Return: 0; -errno of a step that failed: the process should end.
 */
int sandbox_enter_server(const struct sandbox_path *paths, size_t count,
			 void (*warn)(const char *line));

#endif /* SANDBOX_SERVER_H */
