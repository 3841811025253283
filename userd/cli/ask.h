/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a person is asked.
 */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>

/** ask_word() - does who sits at the terminal type this word? false: no, or nobody does */
bool ask_word(const char *prompt, const char *word);

#endif /* CLI_ASK_H */
