/*
 * Linked into coverage builds with --wrap=_exit: a child of the runner ends by
 * _exit(), and what it covered would be lost with it.
 */
void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
