/*
 * fuzz.h - the main of a fuzz program.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#ifndef BASE_TEST_FUZZ_H
#define BASE_TEST_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#ifndef FUZZ_LIBFUZZER
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct buf b = BUF_INIT(16 << 20);

        if (io_read_file(argv[i], &b, NULL) == 0)
            LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&b), buf_len(&b));
        buf_release(&b);
    }
    return 0;
}
#endif

#endif
