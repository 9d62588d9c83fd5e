/* gather_register makes the VFS known to SQLite under a name, which must stay in memory. To be
** called once. It returns one of SQLite's result codes, 0 for success. */
int gather_register(const char *name);
