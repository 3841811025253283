/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statements of a fleet's file: prepared on their first use, bound by a list of types.
 */
#ifndef VERIFIER_FLEET_SQL_H
#define VERIFIER_FLEET_SQL_H

#include <sqlite3.h>

#include "verifier/fleet.h"

/** enum fleet_statement - all there are */
enum fleet_statement {
	FLEET_HOST_ADD,
	FLEET_HOST_GET,
	FLEET_HOST_BY_EK,
	FLEET_HOST_REKEY,
	FLEET_HOST_SET,
	FLEET_HOST_VERDICT,
	FLEET_HOST_FACTS,
	FLEET_HOST_REMOVE,
	FLEET_HOST_LIST,
	FLEET_HOST_VIEW,
	FLEET_EVENT_ADD,
	FLEET_EVENT_LIST,
	FLEET_EVENT_NEWEST,
	FLEET_EVENT_LAST,
	FLEET_PASS_ADD,
	FLEET_PASS_GET,
	FLEET_PASS_USE,
	FLEET_PASS_SPENT,
	FLEET_PASS_REMOVE,
	FLEET_EK_ADD,
	FLEET_EK_GET,
	FLEET_AUTHORITY_ADD,
	FLEET_AUTHORITY_END,
	FLEET_ATTESTER_ADD,
	FLEET_ATTESTER_END,
	FLEET_CERTIFIED_LIST,
	FLEET_REVOCATION_ADD,
	FLEET_REVOCATION_COUNT,
	FLEET_REVOCATION_LIST,
	FLEET_SHARE_ADD,
	FLEET_SHARE_GET,
	FLEET_SHARE_GIVEN,
	FLEET_SHARE_REMOVE,
	_FLEET_STATEMENT_MAX,
};

/**
 * struct fleet - an open file
 * @database: connection
 * @statements: those that were used
 * @depth: fleet_begin() without fleet_end()
 * @broken: a statement failed since the outermost fleet_begin()
 */
struct fleet {
	sqlite3 *database;
	sqlite3_stmt *statements[_FLEET_STATEMENT_MAX];
	int depth;
	bool broken;
};

/**
 * fleet_bind() - make a statement ready
 * @which: of them
 * @types: one letter a parameter: t text or NULL, i int64_t, b bytes and size_t
 *
 * Return: to step and to reset; NULL where it cannot be.
 */
sqlite3_stmt *fleet_bind(struct fleet *fleet, enum fleet_statement which, const char *types, ...);

/** fleet_row() - the next row. Return: 0; -ENOENT (none, and it is reset); -EIO (reset) */
int fleet_row(struct fleet *fleet, sqlite3_stmt *statement);

/** fleet_run() - do it; there are no rows. Return: 0; -ENOENT (changed nothing); -EEXIST; -EIO */
int fleet_run(struct fleet *fleet, sqlite3_stmt *statement);

/** fleet_text() - a column as text; "" for NULL */
const char *fleet_text(sqlite3_stmt *statement, int column);

#endif /* VERIFIER_FLEET_SQL_H */
