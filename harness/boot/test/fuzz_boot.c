/*
 * fuzz_boot.c - whatever stands in user data and in a unit file.
 *
 * Nothing may crash, leak or run for ever, and what is judged has a verdict. A text that begins
 * with
 * "[" is a unit, everything else user data; the first is judged with user data that starts it.
 *
 * `make fuzz FUZZ=boot` runs it with libFuzzer. Without that it reads the files that its command
 * line names, once each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "harness/boot/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char start[] = "#!/bin/sh\nsystemctl enable --now fuzz\n";
    static const char unit[] = "[Unit]\nAfter=cloud-final.service\n[Service]\nExecStart=/x\n"
                               "[Install]\nWantedBy=multi-user.target\n";
    bool is_unit = n && *p == '[';
    struct machine_unit u = {(char *)(uintptr_t) "fuzz.service",
                             (char *)(uintptr_t)(is_unit ? (const char *)p : unit),
                             is_unit ? n : sizeof(unit) - 1};
    struct boot_check c = {.texts = &u,
                           .n_texts = 1,
                           .user_data = is_unit ? start : (const char *)p,
                           .user_data_len = is_unit ? sizeof(start) - 1 : n,
                           .user_data_name = "user-data"};
    struct buf text = BUF_INIT(16 << 20);
    struct err e = ERR_INIT;
    json_t *v = boot_check(&c, &e);

    if (v)
        verdict_text(v, true, &text);
    if (v ? !verdict_of(v) : !*e.text) {
        fprintf(stderr, "fuzz_boot: neither a verdict nor a reason\n");
        abort();
    }
    json_decref(v);
    buf_release(&text);
    return 0;
}
