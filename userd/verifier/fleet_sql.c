// SPDX-License-Identifier: BSD-3-Clause
/*
 * The file of a fleet: its tables, its birth, and how its statements run.
 */
#include "verifier/fleet_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* "vtpf" as SQLite's application_id */
#define APPLICATION "1987342438"
#define VERSION	    "1"
#define BUSY_MS	    5000

#define EVENTS                                                                             \
	"SELECT id, host, at, status, code, pcr, event, expected, found, text, next FROM " \
	"event"

static const char tables[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE host (id TEXT PRIMARY KEY, name TEXT NOT NULL, ek BLOB, ek_listed INT,"
	" ak BLOB, status INT NOT NULL, held INT NOT NULL, verified_at INT, valid_until INT,"
	" verified_by TEXT, message TEXT, known INT, boot_id TEXT, epoch INT, clock INT,"
	" resets INT, restarts INT, firmware INT, pcr0 TEXT, verdict TEXT, facts TEXT)"
	" WITHOUT ROWID;"
	"CREATE UNIQUE INDEX host_ek ON host (ek) WHERE ek IS NOT NULL;"
	"CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, host TEXT NOT NULL,"
	" at INT NOT NULL, status INT NOT NULL, code TEXT NOT NULL, pcr INT, event INT,"
	" expected TEXT, found TEXT, text TEXT, next TEXT);"
	"CREATE INDEX event_host ON event (host, id);"
	"CREATE TABLE pass (hash BLOB PRIMARY KEY, role INT NOT NULL, name TEXT NOT NULL,"
	" until INT NOT NULL, used INT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE ek (name BLOB PRIMARY KEY) WITHOUT ROWID;"
	"PRAGMA application_id = " APPLICATION ";"
	"PRAGMA user_version = " VERSION ";"
	"COMMIT;";

/* Those that came later are made where they are missing. */
static const char later[] =
	"CREATE TABLE IF NOT EXISTS authority (serial BLOB PRIMARY KEY, host TEXT NOT NULL,"
	" keyid BLOB NOT NULL, until INT NOT NULL, ended INT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS authority_host ON authority (host);"
	"CREATE TABLE IF NOT EXISTS revocation (host TEXT NOT NULL, by_serial INT NOT NULL,"
	" what BLOB NOT NULL, epoch INT NOT NULL, at INT NOT NULL,"
	" PRIMARY KEY (host, by_serial, what)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS attester (serial BLOB PRIMARY KEY, host TEXT NOT NULL,"
	" until INT NOT NULL, ended INT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS attester_host ON attester (host);"
	"CREATE TABLE IF NOT EXISTS share (host TEXT PRIMARY KEY, sealed BLOB NOT NULL,"
	" made INT NOT NULL, released INT NOT NULL, releases INT NOT NULL) WITHOUT ROWID;";

static const char *const texts[_FLEET_STATEMENT_MAX] = {
	[FLEET_HOST_ADD] = "INSERT INTO host (id, name, status, held, message, ek, ek_listed, ak)"
			   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
	[FLEET_HOST_GET] = "SELECT name, status, held, verified_at, valid_until, verified_by,"
			   " message, known, boot_id, epoch, clock, resets, restarts, firmware,"
			   " pcr0, ek, ek_listed, ak FROM host WHERE id = ?1",
	[FLEET_HOST_BY_EK] = "SELECT id FROM host WHERE ek = ?1",
	[FLEET_HOST_REKEY] = "UPDATE host SET ek = ?2, ek_listed = ?3, ak = ?4 WHERE id = ?1",
	[FLEET_HOST_SET] = "UPDATE host SET name = ?2, status = ?3, held = ?4, verified_at = ?5,"
			   " valid_until = ?6, verified_by = ?7, message = ?8, known = ?9,"
			   " boot_id = ?10, epoch = ?11, clock = ?12, resets = ?13,"
			   " restarts = ?14, firmware = ?15, pcr0 = ?16 WHERE id = ?1",
	[FLEET_HOST_VERDICT] = "UPDATE host SET verdict = ?2 WHERE id = ?1",
	[FLEET_HOST_FACTS] = "UPDATE host SET facts = ?2 WHERE id = ?1",
	[FLEET_HOST_REMOVE] = "DELETE FROM host WHERE id = ?1",
	[FLEET_HOST_LIST] = "SELECT id FROM host ORDER BY name, id",
	[FLEET_HOST_VIEW] = "SELECT verdict, facts FROM host WHERE id = ?1",
	[FLEET_EVENT_ADD] = "INSERT INTO event (host, at, status, code, pcr, event, expected,"
			    " found, text, next)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[FLEET_EVENT_LIST] = EVENTS " WHERE id > ?1 AND (?2 IS NULL OR host = ?2)"
				    " ORDER BY id LIMIT ?3",
	[FLEET_EVENT_NEWEST] = EVENTS " WHERE host = ?1 ORDER BY id DESC LIMIT ?2",
	[FLEET_EVENT_LAST] = "SELECT coalesce(max(id), 0) FROM event",
	[FLEET_PASS_ADD] = "INSERT INTO pass (hash, role, name, until, used)"
			   " VALUES (?1, ?2, ?3, ?4, 0)",
	[FLEET_PASS_GET] = "SELECT role, name FROM pass WHERE hash = ?1"
			   " AND (until = 0 OR until > ?2)",
	[FLEET_PASS_USE] = "UPDATE pass SET used = used + 1 WHERE hash = ?1 AND used < ?2",
	[FLEET_PASS_SPENT] = "DELETE FROM pass WHERE hash = ?1 AND used >= ?2",
	[FLEET_PASS_REMOVE] = "DELETE FROM pass WHERE role = ?1 AND name = ?2",
	[FLEET_EK_ADD] = "INSERT OR IGNORE INTO ek (name) VALUES (?1)",
	[FLEET_EK_GET] = "SELECT 1 FROM ek WHERE name = ?1",
	[FLEET_AUTHORITY_ADD] = "INSERT INTO authority (serial, host, keyid, until, ended)"
				" VALUES (?1, ?2, ?3, ?4, 0)",
	[FLEET_AUTHORITY_END] = "UPDATE authority SET ended = ?2 WHERE host = ?1 AND ended = 0",
	[FLEET_ATTESTER_ADD] = "INSERT INTO attester (serial, host, until, ended)"
			       " VALUES (?1, ?2, ?3, 0)",
	[FLEET_ATTESTER_END] = "UPDATE attester SET ended = ?2 WHERE host = ?1 AND ended = 0",
	[FLEET_CERTIFIED_LIST] = "SELECT serial, ended, status, verified_at FROM"
				 " (SELECT serial, host, until, ended FROM authority UNION ALL"
				 " SELECT serial, host, until, ended FROM attester) AS certified"
				 " LEFT JOIN host ON host.id = certified.host WHERE until > ?1",
	[FLEET_REVOCATION_ADD] = "INSERT INTO revocation (host, by_serial, what, epoch, at)"
				 " VALUES (?1, ?2, ?3, ?4, ?5)"
				 " ON CONFLICT (host, by_serial, what)"
				 " DO UPDATE SET epoch = max(epoch, excluded.epoch)",
	[FLEET_REVOCATION_COUNT] = "SELECT count(*) FROM revocation",
	[FLEET_REVOCATION_LIST] = "SELECT keyid, by_serial, what, epoch FROM revocation"
				  " JOIN authority ON authority.host = revocation.host"
				  " WHERE until > ?1",
	[FLEET_SHARE_ADD] = "INSERT INTO share (host, sealed, made, released, releases)"
			    " VALUES (?1, ?2, ?3, 0, 0)",
	[FLEET_SHARE_GET] = "SELECT sealed, made, released, releases FROM share WHERE host = ?1",
	[FLEET_SHARE_GIVEN] = "UPDATE share SET released = ?2, releases = releases + 1"
			      " WHERE host = ?1",
	[FLEET_SHARE_REMOVE] = "DELETE FROM share WHERE host = ?1",
};

sqlite3_stmt *fleet_bind(struct fleet *fleet, enum fleet_statement which, const char *types, ...)
{
	sqlite3_stmt *statement = fleet->statements[which];
	const void *bytes;
	va_list list;
	int r = SQLITE_OK;

	if (!statement && sqlite3_prepare_v3(fleet->database, texts[which], -1,
					     SQLITE_PREPARE_PERSISTENT, &statement, NULL))
		return NULL;
	fleet->statements[which] = statement;
	va_start(list, types);
	for (int i = 0; types[i]; i++) {
		switch (types[i]) {
		case 't':
			r |= sqlite3_bind_text(statement, i + 1, va_arg(list, const char *), -1,
					       SQLITE_TRANSIENT);
			break;
		case 'i':
			r |= sqlite3_bind_int64(statement, i + 1, va_arg(list, int64_t));
			break;
		default:
			bytes = va_arg(list, const void *);
			r |= sqlite3_bind_blob64(statement, i + 1, bytes, va_arg(list, size_t),
						 SQLITE_TRANSIENT);
		}
	}
	va_end(list);
	return r ? NULL : statement;
}

int fleet_row(struct fleet *fleet, sqlite3_stmt *statement)
{
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	if (r == SQLITE_ROW)
		return 0;
	sqlite3_reset(statement);
	if (r == SQLITE_DONE)
		return -ENOENT;
	fleet->broken = true;
	return -EIO;
}

int fleet_run(struct fleet *fleet, sqlite3_stmt *statement)
{
	int r = statement ? sqlite3_step(statement) : SQLITE_ERROR;

	sqlite3_reset(statement);
	if (r == SQLITE_CONSTRAINT)
		return -EEXIST;
	if (r != SQLITE_DONE) {
		fleet->broken = true;
		return -EIO;
	}
	return sqlite3_changes(fleet->database) ? 0 : -ENOENT;
}

const char *fleet_text(sqlite3_stmt *statement, int column)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? (const char *)text : "";
}

/* Transactions */

static int execute(struct fleet *fleet, const char *text)
{
	return sqlite3_exec(fleet->database, text, NULL, NULL, NULL) ? -EIO : 0;
}

int fleet_begin(struct fleet *fleet, bool durable)
{
	int r = 0;

	if (!fleet->depth) {
		r = execute(fleet, durable ? "PRAGMA synchronous = FULL"
					   : "PRAGMA synchronous = NORMAL");
		if (!r)
			r = execute(fleet, "BEGIN IMMEDIATE");
		fleet->broken = false;
	}
	if (!r)
		fleet->depth++;
	return r;
}

int fleet_end(struct fleet *fleet, bool good)
{
	if (!good)
		fleet->broken = true;
	if (--fleet->depth)
		return fleet->broken ? -EIO : 0;
	if (!fleet->broken && !execute(fleet, "COMMIT"))
		return 0;
	execute(fleet, "ROLLBACK");
	return -EIO;
}

/* Birth and death */

static int64_t ask_number(struct fleet *fleet, const char *text)
{
	sqlite3_stmt *statement = NULL;
	int64_t number = -1;

	if (!sqlite3_prepare_v2(fleet->database, text, -1, &statement, NULL) &&
	    sqlite3_step(statement) == SQLITE_ROW)
		number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return number;
}

/* One that another process is making is waited for by the lock, and found then. */
static int adopt(struct fleet *fleet, char *reason, size_t room)
{
	int64_t application, version;

	if (!ask_number(fleet, "SELECT count(*) FROM sqlite_schema") && execute(fleet, tables))
		execute(fleet, "ROLLBACK");
	application = ask_number(fleet, "PRAGMA application_id");
	version = ask_number(fleet, "PRAGMA user_version");
	if (application == strtol(APPLICATION, NULL, 10) && version == strtol(VERSION, NULL, 10) &&
	    !execute(fleet, later))
		return 0;
	snprintf(reason, room, "%s", application < 0 ? sqlite3_errmsg(fleet->database)
						     : "it is no fleet of this version");
	return application < 0 ? -EIO : -EPROTONOSUPPORT;
}

/*
 * SQLite gives its other files the mode of this one. One that is there is not opened here:
 * closing it again would end all locks that SQLite has on it in this process, and whoever else
 * opens the store would take away the journal that it writes to.
 */
static int make_file(const char *path)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 && errno != EEXIST ? -errno : 0;
}

static int open_file(struct fleet *fleet, const char *path, char *reason, size_t room)
{
	int r = make_file(path);

	if (r) {
		snprintf(reason, room, "%s", strerror(-r));
		return -EIO;
	}
	if (sqlite3_open_v2(path, &fleet->database,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			    NULL) ||
	    sqlite3_busy_timeout(fleet->database, BUSY_MS) ||
	    execute(fleet, "PRAGMA journal_mode = WAL; PRAGMA trusted_schema = OFF;"
			   "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY")) {
		snprintf(reason, room, "%s", sqlite3_errmsg(fleet->database));
		return -EIO;
	}
	return adopt(fleet, reason, room);
}

int fleet_open(const char *path, char *reason, size_t room, struct fleet **ret)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	int r;

	if (!fleet)
		return -ENOMEM;
	r = open_file(fleet, path, reason, room);
	if (r)
		fleet_close(fleet);
	else
		*ret = fleet;
	return r;
}

void fleet_close(struct fleet *fleet)
{
	if (!fleet)
		return;
	for (int i = 0; i < _FLEET_STATEMENT_MAX; i++)
		sqlite3_finalize(fleet->statements[i]);
	sqlite3_close(fleet->database);
	free(fleet);
}
