consilium_test(hub/auth/test_password password)
