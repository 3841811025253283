/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a program tells the operator: short lines on standard error, one write()
 * each. Never a secret, never bytes of a command, a response or a state. Libraries
 * (all rooms below the processes) stay silent and return errors.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/** log_name() - put @name before each line; kept, not copied */
void log_name(const char *name);

/** log_line() - write one line, without its newline; errors are ignored */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* BASE_LOG_H */
