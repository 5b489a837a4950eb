CREATE TABLE consilium.unused_by_test_db (id integer);
