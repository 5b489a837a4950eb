# tests/lib/pg_cluster: a private PostgreSQL for tests that need one.
add_library(test_pg_cluster STATIC lib/pg_cluster.c)
target_link_libraries(test_pg_cluster PUBLIC PkgConfig::GLIB)

consilium_test(hub/store/test_blob store)
consilium_test(hub/store/test_migrate store test_pg_cluster)
target_link_libraries(hub-store-test_migrate PRIVATE PkgConfig::LIBPQ)

# test_db brings its own statements: its table is linked before that of the store library.
set(probe_sql ${CMAKE_CURRENT_SOURCE_DIR}/unit/hub/store/sql)
file(GLOB probe_files CONFIGURE_DEPENDS ${probe_sql}/query/*.sql ${probe_sql}/schema/*.sql)
add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/probe_tables.c
    COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/hub/store/sql_tables.py ${probe_sql}/schema ${probe_sql}/query
            ${CMAKE_CURRENT_BINARY_DIR}/probe_tables.c
    DEPENDS ${CMAKE_SOURCE_DIR}/hub/store/sql_tables.py ${probe_files}
    VERBATIM)
consilium_test(hub/store/test_db store test_pg_cluster)
target_sources(hub-store-test_db PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/probe_tables.c)

consilium_test(signaling/test_rpc signaling_client)
consilium_test(signaling/test_rooms signaling)
consilium_fuzz(rpc signaling_client)
consilium_test(signaling/test_client signaling)
target_link_libraries(signaling-test_client PRIVATE PkgConfig::LWS)
