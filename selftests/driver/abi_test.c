// SPDX-License-Identifier: GPL-2.0
/*
 * The ABI, frozen by the compiler: sizes, offsets and numbers of <linux/vtpm.h>.
 *
 * Nothing runs here: build.mk compiles this file for 64 and for 32 bit, with and
 * without a C library, and as C++. A number below never changes; a structure that
 * grew gets a new line, and its first size stays the least that is taken.
 */
#include <linux/vtpm_ask.h>

#ifdef __cplusplus
#define _Static_assert static_assert
#endif

#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#define AT(type, member, offset)						\
	_Static_assert(__builtin_offsetof(struct type, member) == (offset), #type "." #member)

SIZE(vtpm_create, 128);
AT(vtpm_create, flags, 4);
AT(vtpm_create, name, 8);
AT(vtpm_create, uuid, 72);
AT(vtpm_create, front_end, 88);
AT(vtpm_create, uid, 92);
AT(vtpm_create, gid, 96);
AT(vtpm_create, mode, 100);
AT(vtpm_create, detached_ms, 104);
AT(vtpm_create, running_ms, 108);
AT(vtpm_create, index, 112);
AT(vtpm_create, major, 116);
AT(vtpm_create, minor, 120);
AT(vtpm_create, __reserved, 124);

SIZE(vtpm_destroy, 72);
AT(vtpm_destroy, name, 8);
SIZE(vtpm_detach, 72);
AT(vtpm_detach, name, 8);

SIZE(vtpm_attach, 88);
AT(vtpm_attach, name, 8);
AT(vtpm_attach, instance, 72);
AT(vtpm_attach, fd, 80);
AT(vtpm_attach, __reserved, 84);

SIZE(vtpm_info, 216);
AT(vtpm_info, uuid, 72);
AT(vtpm_info, front_end, 88);
AT(vtpm_info, create_flags, 92);
AT(vtpm_info, state, 96);
AT(vtpm_info, attach_flags, 100);
AT(vtpm_info, index, 104);
AT(vtpm_info, major, 108);
AT(vtpm_info, minor, 112);
AT(vtpm_info, chip, 116);
AT(vtpm_info, uid, 120);
AT(vtpm_info, gid, 124);
AT(vtpm_info, mode, 128);
AT(vtpm_info, server_pid, 132);
AT(vtpm_info, detached_ms, 136);
AT(vtpm_info, running_ms, 140);
AT(vtpm_info, clients, 144);
AT(vtpm_info, queued, 148);
AT(vtpm_info, instance, 152);
AT(vtpm_info, commands, 160);
AT(vtpm_info, deaths, 208);

SIZE(vtpm_list, 32);
AT(vtpm_list, cursor, 8);
AT(vtpm_list, entries, 16);
AT(vtpm_list, count, 24);
SIZE(vtpm_list_entry, 88);
AT(vtpm_list_entry, name, 8);
AT(vtpm_list_entry, uuid, 72);

SIZE(vtpm_tell, 104);
AT(vtpm_tell, name, 8);
AT(vtpm_tell, instance, 72);
AT(vtpm_tell, id, 80);
AT(vtpm_tell, proof, 88);
AT(vtpm_tell, length, 96);
AT(vtpm_tell, error, 100);

SIZE(vtpm_question, 80);
AT(vtpm_question, flags, 8);
AT(vtpm_question, nonce, 16);
AT(vtpm_question, digest, 48);

SIZE(vtpm_ask, 72);
AT(vtpm_ask, nonce, 8);
AT(vtpm_ask, digest, 40);

SIZE(vtpm_proof, 24);
AT(vtpm_proof, proof, 8);
AT(vtpm_proof, length, 16);

SIZE(vtpm_frame, 32);
AT(vtpm_frame, kind, 4);
AT(vtpm_frame, node, 6);
AT(vtpm_frame, locality, 7);
AT(vtpm_frame, flags, 8);
AT(vtpm_frame, id, 16);
AT(vtpm_frame, client, 24);

SIZE(vtpm_opener, 48);
AT(vtpm_opener, exe_major, 12);
AT(vtpm_opener, start_time, 24);
AT(vtpm_opener, cgroup, 32);
AT(vtpm_opener, exe_inode, 40);

SIZE(vtpm_answer, 16);
AT(vtpm_answer, error, 4);
AT(vtpm_answer, id, 8);

SIZE(vtpm_exchange, 32);
AT(vtpm_exchange, answer, 8);
AT(vtpm_exchange, frame, 16);
AT(vtpm_exchange, answer_size, 24);
AT(vtpm_exchange, frame_size, 28);

SIZE(vtpm_locality, 16);
AT(vtpm_locality, flags, 4);
AT(vtpm_locality, locality, 8);
AT(vtpm_locality, __reserved, 12);

_Static_assert(VTPM_IOC_CREATE == 0xa140, "CREATE");
_Static_assert(VTPM_IOC_DESTROY == 0xa141, "DESTROY");
_Static_assert(VTPM_IOC_ATTACH == 0xa142, "ATTACH");
_Static_assert(VTPM_IOC_DETACH == 0xa143, "DETACH");
_Static_assert(VTPM_IOC_INFO == 0xa144, "INFO");
_Static_assert(VTPM_IOC_LIST == 0xa145, "LIST");
_Static_assert(VTPM_IOC_EXCHANGE == 0xa150, "EXCHANGE");
_Static_assert(VTPM_IOC_WAKE == 0xa151, "WAKE");
_Static_assert(VTPM_IOC_ABANDONED == 0xa152, "ABANDONED");
_Static_assert(VTPM_IOC_LOCALITY == 0xa160, "LOCALITY");
_Static_assert(VTPM_FRAME_SIZE == 4128 && VTPM_ANSWER_SIZE == 4112, "room");
