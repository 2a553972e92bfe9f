"""Which test holds which number of the list of faults; ``test_table.py`` holds the table to it."""

from __future__ import annotations

NUMBERS = (*(str(number) for number in range(1, 73)), "72b", "73", "74", "75")

WITHOUT: dict[str, str] = {}
"""Numbers without a test, and why."""

TESTS: dict[str, tuple[str, ...]] = {
    "1": ("test_network::test_fault_01_dns_fails",),
    "2": ("test_network::test_fault_02_dead_ipv6_live_ipv4",),
    "3": ("test_network::test_fault_03_refused",),
    "4": ("test_network::test_fault_04_syn_black_hole",),
    "5": (
        "test_network::test_fault_05_and_07_connection_ends_at_reuse",
        "test_network::test_fault_05_reset_on_a_fresh_connection_is_no_free_retry",
    ),
    "6": (
        "test_network::test_fault_06_cut_inside_the_body",
        "test_network::test_fault_06_cut_every_time",
    ),
    "7": ("test_network::test_fault_05_and_07_connection_ends_at_reuse",),
    "8": (
        "test_network::test_fault_08_untrusted_certificate",
        "test_network::test_fault_08_wrong_host",
    ),
    "9": ("test_network::test_fault_09_fingerprint_does_not_match",),
    "10": ("test_network::test_fault_10_tls_below_1_2",),
    "11": ("test_network::test_fault_11_handshake_stalls",),
    "12": ("test_network::test_fault_12_plain_http_to_another_machine",),
    "13": ("test_network::test_fault_13_proxy_wants_a_password",),
    "14": ("test_bytes::test_fault_14_slow_headers",),
    "15": (
        "test_bytes::test_fault_15_one_byte_at_a_time",
        "test_bytes::test_fault_15_one_byte_at_a_time_and_the_deadline_of_the_call",
    ),
    "16": ("test_bytes::test_fault_16_endless_100_continue",),
    "17": ("test_bytes::test_fault_17_header_flood",),
    "18": ("test_bytes::test_fault_18_endless_body",),
    "19": (
        "test_bytes::test_fault_19_gzip_bomb",
        "test_bytes::test_fault_19_a_compressed_answer_is_read",
    ),
    "20": (
        "test_bytes::test_fault_20_gzip_header_without_gzip",
        "test_bytes::test_fault_20_unknown_encoding_is_final",
    ),
    "21": ("test_bytes::test_fault_21_shorter_than_content_length",),
    "22": (
        "test_bytes::test_fault_22_longer_than_content_length",
        "test_bytes::test_fault_22_bytes_that_come_later",
    ),
    "23": ("test_bytes::test_fault_23_contradicting_lengths",),
    "24": ("test_bytes::test_fault_24_cut_off_json",),
    "25": ("test_statuses::test_fault_25_redirect_to_another_host",),
    "26": ("test_statuses::test_fault_26_redirect_to_the_same_host",),
    "27": ("test_statuses::test_fault_27_empty_answer",),
    "28": (
        "test_statuses::test_fault_28_a_page_in_place_of_the_interface",
        "test_statuses::test_fault_28_a_page_that_repeats_what_was_sent",
        "test_statuses::test_fault_28_a_page_with_a_status_that_has_a_meaning",
    ),
    "29": (
        "test_lockout::test_fault_29_2000_queues_at_concurrency_64_with_a_wrong_key",
        "test_lockout::test_fault_29_many_callers_with_a_wrong_key",
        "test_lockout::test_fault_29_tenant_key_at_a_global_interface_while_pollers_go_on",
        "test_lockout::test_fault_29_key_revoked_in_mid_run",
        "test_lockout::test_fault_29_a_key_that_was_replaced_goes_alone_first",
        "test_lockout::test_fault_29_one_dead_guid_does_not_stop_the_other_agents",
        "test_lockout::test_fault_29_a_call_that_waits_for_its_next_attempt_ends_too",
        "test_statuses::test_fault_29_wrong_key_is_one_request",
        "test_statuses::test_fault_29_waiting_and_running_calls_end",
        "test_statuses::test_fault_29_a_new_key_unlocks",
    ),
    "30": ("test_statuses::test_fault_30_blocked_address",),
    "31": ("test_statuses::test_fault_31_not_deployed",),
    "32": (
        "test_statuses::test_fault_32_throttled",
        "test_statuses::test_fault_32_retry_after",
        "test_statuses::test_fault_32_a_wait_beyond_the_time_left_fails_at_once",
    ),
    "33": ("test_statuses::test_fault_33_server_error",),
    "34": ("test_statuses::test_fault_34_not_implemented",),
    "35": ("test_statuses::test_fault_35_teapot",),
    "36": (
        "test_statuses::test_fault_36_cookies_of_cms_are_ignored",
        "test_statuses::test_fault_36_cookies_of_the_gateway_belong_to_one_agent",
    ),
    "37": ("test_bytes::test_fault_37_another_protocol",),
    "38": (
        "test_payload::test_fault_38_codes_of_success",
        "test_payload::test_fault_38_a_failure_code",
        "test_payload::test_fault_38_gateway_codes",
    ),
    "39": ("test_payload::test_fault_39_no_code",),
    "40": (
        "test_payload::test_fault_40_unknown_code",
        "test_payload::test_fault_40_known_codes_are_asked_once_more",
    ),
    "41": (
        "test_payload::test_fault_41_result_desc_in_every_form",
        "test_payload::test_fault_41_result_desc_that_is_nothing",
    ),
    "42": ("test_payload::test_fault_42_result_datas_in_its_place",),
    "43": (
        "test_payload::test_fault_43_numbers_in_every_form",
        "test_payload::test_fault_43_a_bad_number_costs_its_row",
    ),
    "44": ("test_payload::test_fault_44_rates",),
    "45": ("test_payload::test_fault_45_spellings",),
    "46": ("test_payload::test_fault_46_unknown_fields",),
    "47": ("test_payload::test_fault_47_missing_field_is_none",),
    "48": ("test_payload::test_fault_48_fewer_rows_than_ids",),
    "49": ("test_payload::test_fault_49_more_rows_than_ids",),
    "50": ("test_payload::test_fault_50_unknown_status_numbers",),
    "51": ("test_payload::test_fault_51_bodies_that_break_parsers",),
    "52": ("test_payload::test_fault_52_nasty_names",),
    "53": (
        "test_payload::test_fault_53_start_time_of_another_age",
        "test_payload::test_fault_53_start_time_beyond_the_calendar",
        "test_polls::test_fault_53_a_bucket_of_another_age_is_suspect",
    ),
    "54": ("test_payload::test_fault_54_the_bucket_rolls_over_between_two_chunks",),
    "55": (
        "test_input::test_fault_55_wrong_ids",
        "test_input::test_fault_55_text_in_place_of_ids",
    ),
    "56": ("test_input::test_fault_56_guids_that_cannot_travel",),
    "57": ("test_input::test_fault_57_no_ids_and_the_same_id_twice",),
    "58": ("test_input::test_fault_58_a_million_ids",),
    "59": (
        "test_input::test_fault_59_times",
        "test_input::test_fault_59_a_second_more_than_31_days_and_a_change_of_clocks",
    ),
    "60": (
        "test_input::test_fault_60_counts_that_lie",
        "test_input::test_fault_60_pages_that_cannot_be_trusted",
        "test_input::test_fault_60_rows_outside_of_the_window",
    ),
    "61": ("test_runtime::test_fault_61_clock_off",),
    "62": (
        "test_storms::test_fault_62_storm_of_cancels",
        "test_storms::test_fault_62_a_deadline_inside_a_retry_sleep",
        "test_storms::test_fault_62_one_caller_of_a_look_up_gone",
        "test_storms::test_fault_62_a_timeout_of_the_caller_is_the_callers",
    ),
    "63": ("test_runtime::test_fault_63_blocked_loop",),
    "64": (
        "test_runtime::test_fault_64_more_callers_than_connections",
        "test_runtime::test_fault_64_waiting_ends_with_the_deadline",
    ),
    "65": (
        "test_runtime::test_fault_65_used_after_close",
        "test_runtime::test_fault_65_closed_under_way",
        "test_runtime::test_fault_65_from_another_loop",
        "test_runtime::test_fault_65_after_a_fork",
    ),
    "66": (
        "test_runtime::test_fault_66_slow_reader_of_a_stream",
        "test_polls::test_fault_66_a_slow_reader_of_polls_is_told_what_it_missed",
    ),
    "67": ("test_polls::test_fault_67_a_poll_that_overruns_is_skipped",),
    "68": (
        "test_redis::test_fault_68_redis_down_from_the_start",
        "test_redis::test_fault_68_redis_hangs_and_recovers",
    ),
    "69": (
        "test_storms::test_fault_69_server_down_for_half_an_hour",
        "test_storms::test_fault_69_a_throttling_server_pauses_everybody",
    ),
    "70": (
        "test_secrets::test_fault_70_no_secret_in_anything_that_can_be_read",
        "test_secrets::test_fault_70_credentials_are_not_pickled",
        "test_secrets::test_fault_70_the_check_itself_finds_secrets",
        "test_secrets::test_fault_70_nothing_in_the_process_list_or_the_help",
        "test_agent_secrets::test_fault_70_no_secret_of_a_sign_in_that_fails",
        "test_agent_secrets::test_fault_70_no_secret_of_a_session",
        "test_agent_secrets::test_fault_70_no_secret_of_a_sign_in_that_is_cancelled",
        "test_agent_secrets::test_fault_70_what_holds_them_is_not_pickled",
        "test_agent_secrets::test_fault_70_the_check_of_sessions_finds_secrets",
    ),
    "71": (
        "test_users::test_fault_71_partial_and_nothing_arrived",
        "test_users::test_fault_71_partial_and_something_arrived",
    ),
    "72": ("test_users::test_fault_72_a_wrong_key_everywhere",),
    "72b": (
        "test_runtime::test_fault_72b_nothing_is_sent_twice_by_the_http_library",
        "test_runtime::test_fault_72b_repeatable_requests_are_repeated_by_us_alone",
    ),
    "73": ("test_users::test_fault_73_records_cannot_be_changed",),
    "74": ("test_users::test_fault_74_a_server_whose_end_is_inclusive",),
    "75": ("test_users::test_fault_75_rows_of_one_snapshot_taken_apart",),
}
"""Number -> file::test."""
