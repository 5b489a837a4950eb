# tests/lib/pg_cluster: a private PostgreSQL for tests that need one.
add_library(test_pg_cluster STATIC lib/pg_cluster.c)
target_link_libraries(test_pg_cluster PUBLIC PkgConfig::GLIB)

consilium_test(hub/store/test_blob store)
consilium_test(hub/store/test_migrate store test_pg_cluster)
target_link_libraries(hub-store-test_migrate PRIVATE PkgConfig::LIBPQ)
